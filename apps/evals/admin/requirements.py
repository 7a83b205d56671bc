"""What evidence a release needs, by channel."""

from django.contrib import admin
from django.utils.safestring import SafeString

from apps.core.admin import EmptyState, PlatformAdmin, short_time
from apps.evals.models import Requirement


@admin.register(Requirement)
class RequirementAdmin(PlatformAdmin):
    list_display = ("__str__", "channel", "dataset", "suite", "fall", "changed")
    list_filter = ("channel",)
    list_select_related = ("channel", "dataset", "suite")
    fields = ("channel", "dataset", "suite", "margin")
    autocomplete_fields = ("dataset", "suite")
    empty_state = EmptyState("No channel asks for evidence from evaluations yet.")

    @admin.display(description="Fall put up with")
    def fall(self, row: Requirement) -> str:
        return f"{row.margin:.1%}"

    @admin.display(description="Changed", ordering="updated_at")
    def changed(self, row: Requirement) -> SafeString:
        return short_time(row.updated_at)
