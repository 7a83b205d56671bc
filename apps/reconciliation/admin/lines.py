"""What a provider's file says, line by line."""

from django.contrib import admin
from django.utils.safestring import SafeString

from apps.core.admin import EmptyState, ReadOnlyAdmin
from apps.core.admin.cells import NOTHING, exact_money
from apps.reconciliation.models import StatementLine


@admin.register(StatementLine)
class StatementLineAdmin(ReadOnlyAdmin):
    list_display = ("place", "day", "item", "category", "account", "units", "sent", "amount")
    list_display_links = ("place",)
    list_filter = ("category", "is_repeat")
    list_select_related = ("file",)
    search_fields = ("item",)
    search_help_text = "A part of the item."
    actions = None
    empty_state = EmptyState(
        "Lines appear here when a statement is read.",
        "Upload a statement",
        "admin:reconciliation_statement_add",
    )

    def lookup_allowed(self, lookup: str, value: str, request: object = None) -> bool:
        return lookup in ("statement", "statement__exact", "day") or super().lookup_allowed(
            lookup,
            value,
            request,  # type: ignore[arg-type]
        )

    @admin.display(description="File and line", ordering="pk")
    def place(self, row: StatementLine) -> str:
        return f"{row.file} : {row.number}{' (repeated)' if row.is_repeat else ''}"

    @admin.display(description="Quantity", ordering="quantity")
    def units(self, row: StatementLine) -> str:
        return NOTHING if row.quantity is None else f"{row.quantity:,}"

    @admin.display(description="Requests", ordering="calls")
    def sent(self, row: StatementLine) -> str:
        return NOTHING if row.calls is None else f"{row.calls:,}"

    @admin.display(description="Amount, USD", ordering="amount_pico")
    def amount(self, row: StatementLine) -> SafeString:
        return exact_money(row.amount_pico)
