"""Channels, and the releases that every channel has seen."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.core.admin import PlatformAdmin, ReadOnlyAdmin, pill, short_time
from apps.core.admin.cells import NOTHING
from apps.prompts.admin.cells import who_released
from apps.prompts.models import Channel, Freeze, Release
from apps.prompts.selectors import open_releases, releases_with_people

SHOWN = 100  # prompts on a channel's page


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
    change_form_template = "admin/prompts/channel/change_form.html"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        channel = self.get_object(request, object_id)
        live = _live_on(channel) if channel is not None else []
        extra = {"live": live[:SHOWN], "more": len(live) > SHOWN} | (extra_context or {})
        return super().change_view(request, object_id, form_url, extra)

    @admin.display(description="Protected", ordering="protected")
    def protection(self, channel: Channel) -> str:
        return pill("approvers only", "warn") if channel.protected else NOTHING


def _live_on(channel: Channel) -> list[dict[str, Any]]:
    """What is live there, latest first, each with the page of its course; one more than shown."""
    rows = open_releases().filter(channel=channel).select_related("prompt").order_by("-released_at")
    return [
        {
            "release": row,
            "since": short_time(row.released_at),
            "url": reverse("admin:channel_course", args=[row.prompt_id, channel.slug]),
        }
        for row in rows[: SHOWN + 1]
    ]


@admin.register(Release)
class ReleaseAdmin(ReadOnlyAdmin):
    list_display = ("released", "prompt", "channel", "version", "kind", "state", "who", "reason")
    list_filter = ("channel", "kind")
    search_fields = ("=prompt__slug",)
    list_select_related = ("prompt", "channel", "version__prompt", "actor", "request")
    ordering = ("-id",)
    fields = ("prompt", "channel", "version", "kind", "reason", "who", "released_at", "ended_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Release]:
        return releases_with_people(super().get_queryset(request))

    @admin.display(description="Who")
    def who(self, release: Release) -> str:
        return who_released(release)

    @admin.display(description="Released", ordering="released_at")
    def released(self, release: Release) -> str:
        return short_time(release.released_at)

    @admin.display(description="Now")
    def state(self, release: Release) -> str:
        return pill("live", "ok") if release.ended_at is None else pill("ended")
