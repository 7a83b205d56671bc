"""Budgets: what may be spent, what was, what is left."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AdminTextInputWidget
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from apps.audit.history import note_reason
from apps.budgets.admin import cells
from apps.budgets.admin.lists import BudgetChangeList, HardFilter, StateFilter
from apps.budgets.admin.page import page_of
from apps.budgets.changes import NEEDS_REASON, SAY_WHY
from apps.budgets.models import Basis, Budget, Period
from apps.budgets.models.choices import default_bases
from apps.budgets.overview import Overview
from apps.budgets.unknown import unknown_names
from apps.core.admin import EmptyState, PlatformAdmin, money
from apps.core.fields import PicoUSDField

# Fields of a period that mean nothing of others.
_ONLY_OF = {
    "length": (Period.HOURS, Period.DAYS),
    "week_start": (Period.WEEK,),
    "fiscal_month": (Period.QUARTER, Period.YEAR),
}


class BudgetForm(forms.ModelForm[Budget]):
    """Whoever changes what a budget lets through says why."""

    reason = forms.CharField(
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"}),
        help_text="Needed when the limit changes, or how it is kept. Stands in the history above.",
    )

    def clean_reason(self) -> str:
        return str(self.cleaned_data["reason"]).strip()

    def clean(self) -> dict[str, Any] | None:
        values = super().clean()
        changes = self.instance.pk and set(NEEDS_REASON) & set(self.changed_data)
        if changes and not self.cleaned_data.get("reason"):
            self.add_error("reason", SAY_WHY)
        return values


@admin.register(Budget)
class BudgetAdmin(PlatformAdmin):
    form = BudgetForm
    change_form_template = "budgets/budget.html"
    list_display = (
        "budget",
        "state",
        "spent",
        "expected",
        "counts",
        "last_alert",
    )
    list_filter = (StateFilter, ("hard", HardFilter), "active", "period")
    search_fields = ("slug", "name", *Budget.SCOPE_FIELDS)
    search_help_text = "By name, or by what it counts: a service, team, model, …"
    palette_fields = ("slug",)
    actions = None
    formfield_overrides = {PicoUSDField: {"widget": AdminTextInputWidget}}
    empty_state = EmptyState(
        "There are no budgets yet: nothing limits what services spend.",
        "Add a budget",
        "admin:budgets_budget_add",
    )
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
    _WHY = ("Why", {"fields": ("reason",)})

    class Media:
        css = {"all": ("budgets/budgets.css",)}

    def get_fieldsets(self, request: HttpRequest, obj: Budget | None = None) -> Any:
        if obj is None:
            return self._DEFINITION
        shown = tuple(_told(section, obj) for section in self._DEFINITION)
        return (*shown, self._WHY) if self.has_change_permission(request, obj) else shown

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"time_zone": settings.REPORTING_TIME_ZONE}

    def get_readonly_fields(self, request: HttpRequest, obj: Budget | None = None) -> Any:
        return () if obj is None else ("slug", *Budget.FIXED_FIELDS)

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

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if (shown := kwargs.get("obj")) is not None:
            # A form with faults has changed the object, but nothing else.
            stored = shown if request.method == "GET" else Budget.objects.get(pk=shown.pk)
            context |= page_of(request, stored)
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Budget, form: Any, change: bool) -> None:
        if reason := form.cleaned_data.get("reason"):
            note_reason(reason)
        super().save_model(request, obj, form, change)
        for text in unknown_names([obj])[obj.pk]:
            messages.warning(request, text)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BudgetChangeList

    @admin.display(description="Budget", ordering="slug")
    def budget(self, budget: Budget) -> str:
        return budget.slug

    @admin.display(description="Counts")
    def counts(self, budget: Budget) -> SafeString:
        """In words: which calls, when, and what happens at the limit."""
        found, kind = _of(budget), "hard" if budget.hard else "soft"
        scope = cells.scope(budget.scope)
        return format_html("{}<br>{}, {}", scope, cells.period(found), kind)

    @admin.display(description="Spent and committed", ordering="limit_pico")
    def spent(self, budget: Budget) -> SafeString:
        return cells.spent_of(_of(budget).state)

    @admin.display(description="Forecast")
    def expected(self, budget: Budget) -> SafeString:
        return money(_of(budget).outlook.total)

    @admin.display(description="Runs out")
    def state(self, budget: Budget) -> SafeString:
        found = _of(budget)
        return format_html("{}<br>{}", cells.standing(found), cells.runs_out(found))

    @admin.display(description="Last alert")
    def last_alert(self, budget: Budget) -> SafeString:
        return cells.crossing(_of(budget).latest)


def _told(section: Any, budget: Budget) -> Any:
    """Without what is fixed and says nothing about this budget."""
    name, options = section
    idle = set(Budget.SCOPE_FIELDS) - budget.scope.keys()
    idle |= {field for field, periods in _ONLY_OF.items() if budget.period not in periods}
    return name, options | {"fields": [field for field in options["fields"] if field not in idle]}


def _of(budget: Any) -> Overview:
    """As `BudgetChangeList` read it."""
    found: Overview = budget.overview
    return found
