"""Budgets: what may be spent, what was, what is left."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AdminTextInputWidget
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from apps.budgets.admin import cells
from apps.budgets.burndown import burn_down
from apps.budgets.models import Basis, Budget
from apps.budgets.models.choices import default_bases
from apps.budgets.selectors import budget_states
from apps.budgets.services.alerts import forecast
from apps.budgets.types import BudgetState
from apps.budgets.unknown import unknown_names
from apps.core.admin import EmptyState, PlatformAdmin, money, pill
from apps.core.admin.cells import NOTHING
from apps.core.charts import Line, line
from apps.core.clock import db_now
from apps.core.fields import PicoUSDField
from apps.core.money import short_usd


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
    readonly_fields = (
        "used",
        "spent",
        "held",
        "remaining",
        "limit_now",
        "expected",
        "window",
        "chart",
        "records",
    )
    _NOW = ("Now", {"fields": readonly_fields})
    _DEFINITION = (
        (None, {"fields": ("slug", "name", "limit_pico", "hard", "active")}),
        ("Period", {"fields": Budget.PERIOD_FIELDS}),
        (
            "When a call doesn't fit",
            {"fields": ("on_exceeded", "cheaper_model", "min_output_tokens")},
        ),
        ("From window to window", {"fields": ("carry_over", "carry_cap_percent")}),
        ("Thresholds", {"fields": ("thresholds", "bases", "notify")}),
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

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name != "bases":
            return super().formfield_for_dbfield(db_field, request, **kwargs)
        return forms.MultipleChoiceField(
            choices=Basis.choices,
            widget=forms.CheckboxSelectMultiple,
            required=False,
            label=capfirst(db_field.verbose_name),
            help_text=db_field.help_text,
            initial=default_bases,
        )

    def save_model(self, request: HttpRequest, obj: Budget, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        for text in unknown_names([obj])[obj.pk]:
            messages.warning(request, text)

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

    @admin.display(description="Limit of this window")
    def limit_now(self, budget: Budget) -> SafeString:
        return cells.limit(_state(budget))

    @admin.display(description="Forecast for its end")
    def expected(self, budget: Budget) -> SafeString:
        state = _state(budget)
        if state.ends_at is None:
            return money(None)
        return money(
            forecast(
                posted=state.posted_pico,
                starts_at=state.starts_at,
                ends_at=state.ends_at,
                now=db_now(),
            )
        )

    @admin.display(description="How the money went")
    def chart(self, budget: Budget) -> SafeString:
        found = burn_down(budget=budget, now=db_now())
        if found is None:
            return format_html("{}", NOTHING)
        title, limit = "Spent so far in this window", _state(budget).limit_pico
        return line(Line(title, found.labels, found.spent, limit=limit, format=_short))

    @admin.display(description="Window")
    def window(self, budget: Budget) -> SafeString:
        state = _state(budget)
        if state.length is not None:
            return format_html("the last {} {}", budget.length, budget.period)
        return cells.span(starts_at=state.starts_at, ends_at=state.ends_at, zone=budget.time_zone)

    @admin.display(description="Look into")
    def records(self, budget: Budget) -> SafeString:
        history = {"table": "budgets.Budget", "q": budget.pk}
        links: tuple[tuple[str, dict[str, Any], str], ...] = (
            ("admin:budgets_window_changelist", {"budget": budget.pk}, "All windows"),
            ("admin:audit_auditentry_changelist", history, "Change history"),
            ("admin:budgets_budgetraise_add", {"budget": budget.pk}, "Raise once"),
            ("admin:budgets_budgetraise_changelist", {}, "All raises"),
            ("admin:budgets_thresholdcrossing_changelist", {}, "Thresholds reached"),
        )
        rows = ((reverse(name), urlencode(query), text) for name, query, text in links)
        return format_html_join(" · ", '<a href="{}?{}">{}</a>', rows)


def _short(amount: float | int) -> str:
    return short_usd(int(amount))


def _states(budgets: list[Budget]) -> list[BudgetState]:
    return budget_states(budgets=budgets, now=db_now()) if budgets else []


def _state(budget: Any) -> BudgetState:
    """Read once a budget and page."""
    if not hasattr(budget, "state"):
        budget.state = _states([budget])[0]
    state: BudgetState = budget.state
    return state
