"""Channels, and the releases that every channel has seen."""

from django.contrib import admin

from apps.core.admin import PlatformAdmin, ReadOnlyAdmin, pill, short_time
from apps.core.admin.cells import NOTHING
from apps.prompts.models import Channel, Freeze, Release


class FreezeInline(admin.TabularInline[Freeze, Channel]):
    model = Freeze
    extra = 0
    fields = ("starts_at", "ends_at", "reason")
    verbose_name_plural = "Freezes: nothing new goes live meanwhile; rollbacks do"


@admin.register(Channel)
class ChannelAdmin(PlatformAdmin):
    list_display = ("slug", "name", "protection", "approvals", "auto_rollback")
    inlines = (FreezeInline,)
    search_fields = ("slug",)
    palette_fields = ("slug",)
    fields = ("slug", "name", "protected", "approvals", "auto_rollback")

    @admin.display(description="Protected", ordering="protected")
    def protection(self, channel: Channel) -> str:
        return pill("approvers only", "warn") if channel.protected else NOTHING


@admin.register(Release)
class ReleaseAdmin(ReadOnlyAdmin):
    list_display = ("released", "prompt", "channel", "version", "kind", "state", "actor", "reason")
    list_filter = ("channel", "kind")
    search_fields = ("=prompt__slug",)
    list_select_related = ("prompt", "channel", "version__prompt", "actor")
    ordering = ("-id",)
    fields = ("prompt", "channel", "version", "kind", "reason", "actor", "released_at", "ended_at")

    @admin.display(description="Released", ordering="released_at")
    def released(self, release: Release) -> str:
        return short_time(release.released_at)

    @admin.display(description="Now")
    def state(self, release: Release) -> str:
        return pill("live", "ok") if release.ended_at is None else pill("ended")
