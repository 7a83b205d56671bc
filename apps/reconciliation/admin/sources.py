"""How files of a provider are read, and what its words mean."""

from typing import Any

from django.contrib import admin

from apps.core.admin import EmptyState, PlatformAdmin
from apps.reconciliation.models import ItemName, Source

_COLUMNS = ("day", "item", "meter", "amount", "quantity", "unit", "calls", "category", "account")


class ItemNameInline(admin.TabularInline[ItemName, Source]):
    model = ItemName
    extra = 1
    verbose_name_plural = "What its items mean, where they are not understood by themselves"


@admin.register(Source)
class SourceAdmin(PlatformAdmin):
    list_display = ("provider", "format", "accounts")
    list_select_related = ("provider",)
    inlines = (ItemNameInline,)
    fieldsets = (
        (None, {"fields": ("provider", "format", "accounts", "quantity_unit")}),
        (
            "Another CSV: its columns",
            {
                "fields": (
                    "date_format",
                    *(f"{name}_column" for name in (*_COLUMNS, "currency")),
                ),
                "description": "Names as in the first line of the file, in any case. The day, the "
                "item and the amount are needed.",
            },
        ),
    )
    empty_state = EmptyState(
        "Files of OpenAI and Azure are understood as they are. Say here how others are read.",
        "Describe a file",
        "admin:reconciliation_source_add",
    )

    def get_readonly_fields(self, request: Any, obj: Source | None = None) -> tuple[str, ...]:
        return ("provider",) if obj else ()
