"""What the system keeps about budgets: windows and holds."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.budgets.admin import cells
from apps.budgets.admin.lists import HardFilter
from apps.budgets.models import Budget, Hold, HoldStatus, Window
from apps.core.admin import EmptyState, ReadOnlyAdmin, money, pill, short_time
from apps.core.admin.cells import NOTHING, Kind

_STATUS: dict[str, Kind] = {
    HoldStatus.HELD: "info",
    HoldStatus.SETTLED: "ok",
    HoldStatus.RELEASED: "quiet",
    HoldStatus.EXPIRED: "warn",
}


class BudgetFilter(admin.SimpleListFilter):
    title = parameter_name = "budget"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(pk), slug) for pk, slug in Budget.objects.values_list("pk", "slug")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        known = chosen in dict(self.lookup_choices)
        return queryset.filter(budget=chosen) if known else queryset


@admin.register(Window)
class WindowAdmin(ReadOnlyAdmin):
    list_display = ("span", "budget", "kind", "limit", "spent", "held", "overrun")
    list_filter = (BudgetFilter, ("hard", HardFilter))
    list_select_related = ("budget",)
    actions = None
    empty_state = EmptyState("No window yet: each begins with the first call that counts to it.")
    fields = readonly_fields = (
        "budget_link",
        "span",
        "kind",
        "limit",
        "spent",
        "held",
        "overrun",
    )

    @admin.display(description="Window", ordering="starts_at")
    def span(self, window: Window) -> SafeString:
        zone = window.budget.time_zone
        return cells.span(starts_at=window.starts_at, ends_at=window.ends_at, zone=zone)

    @admin.display(description="Kind", ordering="hard")
    def kind(self, window: Window) -> SafeString:
        return cells.hardness(hard=window.hard)

    @admin.display(description="Limit at the latest call")
    def limit(self, window: Window) -> SafeString:
        return money(window.limit_pico)

    @admin.display(description="Spent")
    def spent(self, window: Window) -> SafeString:
        return money(window.posted_pico)

    @admin.display(description="Held by running calls")
    def held(self, window: Window) -> SafeString:
        return money(window.held_pico)

    @admin.display(description="Beyond holds")
    def overrun(self, window: Window) -> SafeString:
        return money(window.overrun_pico)

    @admin.display(description="Budget")
    def budget_link(self, window: Window) -> SafeString:
        url = reverse("admin:budgets_budget_change", args=[window.budget_id])
        return format_html('<a href="{}">{}</a>', url, window.budget)


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    list_display = ("taken", "status_pill", "amount", "posted", "expires")
    list_filter = ("status",)
    actions = None
    empty_state = EmptyState("No hold yet: each call takes one before it is sent.")
    fields = readonly_fields = (
        "status_pill",
        "attempt",
        "amount",
        "posted",
        "taken",
        "expires",
        "resolved",
        "in_windows",
    )

    @admin.display(description="Taken", ordering="id")
    def taken(self, hold: Hold) -> SafeString:
        return short_time(hold.created_at)

    @admin.display(description="Status", ordering="status")
    def status_pill(self, hold: Hold) -> SafeString:
        return pill(hold.get_status_display(), _STATUS[hold.status])

    @admin.display(description="At most")
    def amount(self, hold: Hold) -> SafeString:
        return money(hold.amount_pico)

    @admin.display(description="Posted")
    def posted(self, hold: Hold) -> SafeString:
        return money(hold.posted_pico)

    @admin.display(description="Expires", ordering="expires_at")
    def expires(self, hold: Hold) -> SafeString:
        return short_time(hold.expires_at)

    @admin.display(description="Resolved")
    def resolved(self, hold: Hold) -> SafeString:
        return short_time(hold.resolved_at)

    @admin.display(description="Attempt")
    def attempt(self, hold: Hold) -> SafeString:
        url = reverse("admin:ledger_attempt_change", args=[hold.pk])
        return format_html('<a href="{}">{}</a>', url, hold.pk)

    @admin.display(description="Windows")
    def in_windows(self, hold: Hold) -> SafeString:
        rows = (
            (reverse("admin:budgets_window_change", args=[window.pk]), window)
            for window in hold.windows.select_related("budget")
        )
        return format_html_join(", ", '<a href="{}">{}</a>', rows) or format_html("{}", NOTHING)
