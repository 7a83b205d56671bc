"""Budgets: what may be spent, what was, what is left."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AdminTextInputWidget
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from apps.budgets.admin import cells
from apps.budgets.models import Budget
from apps.budgets.selectors import budget_states
from apps.budgets.types import BudgetState
from apps.core.admin import EmptyState, PlatformAdmin, money, pill
from apps.core.clock import db_now
from apps.core.fields import PicoUSDField


class BudgetChangeList(ChangeList):
    """Reads the windows of all budgets of the page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        budgets = list(self.result_list)
        for budget, state in zip(budgets, _states(budgets), strict=True):
            budget.state = state
        self.result_list = budgets


@admin.register(Budget)
class BudgetAdmin(PlatformAdmin):
    list_display = (
        "slug",
        "counts",
        "kind",
        "limit",
        "spent",
        "used",
        "remaining",
        "window",
    )
    list_filter = ("active", "hard", "period")
    search_fields = ("slug", "name")
    palette_fields = ("slug",)
    actions = None
    formfield_overrides = {PicoUSDField: {"widget": AdminTextInputWidget}}
    empty_state = EmptyState(
        "There are no budgets yet: nothing limits what services spend.",
        "Add a budget",
        "admin:budgets_budget_add",
    )
    readonly_fields = ("spent", "held", "used", "remaining", "window", "records")
    _NOW = ("Now", {"fields": ("used", "spent", "held", "remaining", "window", "records")})
    _DEFINITION = (
        (None, {"fields": ("slug", "name", "limit_pico", "hard", "active")}),
        ("Period", {"fields": ("period", "time_zone")}),
        (
            "What it counts",
            {
                "fields": Budget.SCOPE_FIELDS,
                "description": "Calls for which every given field matches. Fixed once it is made.",
            },
        ),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Budget | None = None) -> Any:
        return self._DEFINITION if obj is None else (self._NOW, *self._DEFINITION)

    def get_readonly_fields(self, request: HttpRequest, obj: Budget | None = None) -> Any:
        if obj is None:
            return self.readonly_fields
        return (*self.readonly_fields, "slug", *Budget.FIXED_FIELDS)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BudgetChangeList

    @admin.display(description="Counts")
    def counts(self, budget: Budget) -> SafeString:
        return cells.scope(budget.scope)

    @admin.display(description="Kind", ordering="hard")
    def kind(self, budget: Budget) -> SafeString:
        return cells.hardness(hard=budget.hard) if budget.active else pill("Off", "quiet")

    @admin.display(description="Limit", ordering="limit_pico")
    def limit(self, budget: Budget) -> SafeString:
        return money(budget.limit_pico)

    @admin.display(description="Spent")
    def spent(self, budget: Budget) -> SafeString:
        return money(_state(budget).posted_pico)

    @admin.display(description="Held by running calls")
    def held(self, budget: Budget) -> SafeString:
        return money(_state(budget).held_pico)

    @admin.display(description="Used")
    def used(self, budget: Budget) -> SafeString:
        return cells.used(_state(budget))

    @admin.display(description="Remaining")
    def remaining(self, budget: Budget) -> SafeString:
        return money(_state(budget).remaining_pico)

    @admin.display(description="Window")
    def window(self, budget: Budget) -> SafeString:
        state = _state(budget)
        return cells.span(starts_at=state.starts_at, ends_at=state.ends_at, zone=budget.time_zone)

    @admin.display(description="Look into")
    def records(self, budget: Budget) -> SafeString:
        history = {"table": "budgets.Budget", "q": budget.pk}
        links = (
            ("admin:budgets_window_changelist", {"budget": budget.pk}, "All windows"),
            ("admin:audit_auditentry_changelist", history, "Change history"),
        )
        rows = ((reverse(name), urlencode(query), text) for name, query, text in links)
        return format_html_join(" · ", '<a href="{}?{}">{}</a>', rows)


def _states(budgets: list[Budget]) -> list[BudgetState]:
    return budget_states(budgets=budgets, now=db_now()) if budgets else []


def _state(budget: Any) -> BudgetState:
    """Read once a budget and page."""
    if not hasattr(budget, "state"):
        budget.state = _states([budget])[0]
    state: BudgetState = budget.state
    return state
