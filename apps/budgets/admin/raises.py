"""“Raise once” for finance: ask, approve, decline; and the thresholds that were reached."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminSplitDateTime, AdminTextInputWidget
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.audit.history import note_reason
from apps.audit.object_history import WithHistory
from apps.budgets.models import Alert, Budget, BudgetRaise, RaiseStatus, ThresholdCrossing
from apps.budgets.services.raises import (
    RaiseRefused,
    approve_raise,
    check_until,
    decline_raise,
    request_raise,
)
from apps.core.admin import (
    EmptyState,
    ReadOnlyAdmin,
    confirmed_action,
    decide_each,
    money,
    pill,
    short_time,
)
from apps.core.admin.cells import Kind
from apps.core.clock import db_now
from apps.core.forms import USDFormField

_STATUS: dict[str, Kind] = {
    RaiseStatus.REQUESTED: "warn",
    RaiseStatus.APPROVED: "ok",
    RaiseStatus.DECLINED: "quiet",
}


class RaiseForm(forms.ModelForm[BudgetRaise]):
    """What to ask for; the window is the budget's of now."""

    budget = forms.ModelChoiceField(Budget.objects.filter(active=True).order_by("slug"))
    amount_pico = USDFormField(
        label="Amount, USD",
        widget=AdminTextInputWidget,
        help_text="Dollars more, in the current window only.",
    )
    until = forms.SplitDateTimeField(
        required=False,
        widget=AdminSplitDateTime,
        help_text="Counts until then; empty: to the end of the window, which a rolling budget "
        "does not have.",
    )

    class Meta:
        model = BudgetRaise
        fields = ("amount_pico", "reason", "until")

    def clean_amount_pico(self) -> int:
        amount: int = self.cleaned_data["amount_pico"]
        if amount <= 0:
            raise forms.ValidationError("More than nothing.")
        return amount

    def clean(self) -> dict[str, Any] | None:
        values = super().clean() or {}
        if {"budget", "until"} <= values.keys():
            check_until(budget=values["budget"], until=values["until"], now=db_now())
        return values


@admin.register(BudgetRaise)
class BudgetRaiseAdmin(WithHistory, ReadOnlyAdmin):
    form = RaiseForm
    list_display = ("budget", "amount", "state", "reason", "asked", "counts_until", "decided")
    list_display_links = ("amount",)  # the budget's name leads to the budget
    list_filter = ("status",)
    list_select_related = ("window__budget", "requested_by", "decided_by")
    actions = ("approve", "decline")
    object_actions = ("approve", "decline")
    empty_state = EmptyState(
        "Nobody has asked to raise a budget yet.", "Ask", "admin:budgets_budgetraise_add"
    )
    _SHOWN = ("budget", "amount", "state", "reason", "asked", "counts_until", "decided")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("budgets.add_budgetraise"))

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("budgets.approve_raise"))

    def get_fields(self, request: HttpRequest, obj: BudgetRaise | None = None) -> Any:
        return ("budget", "amount_pico", "reason", "until") if obj is None else self._SHOWN

    def get_readonly_fields(self, request: HttpRequest, obj: BudgetRaise | None = None) -> Any:
        return () if obj is None else self._SHOWN

    def save_model(self, request: HttpRequest, obj: BudgetRaise, form: Any, change: bool) -> None:
        made = request_raise(
            budget=form.cleaned_data["budget"],
            amount_pico=form.cleaned_data["amount_pico"],
            reason=form.cleaned_data["reason"],
            until=form.cleaned_data["until"],
            by=request.user,
            now=db_now(),
        )
        obj.__dict__.update(made.__dict__)

    @admin.display(description="Budget")
    def budget(self, row: BudgetRaise) -> SafeString:
        url = reverse("admin:budgets_budget_change", args=[row.window.budget_id])
        return format_html('<a href="{}">{}</a>', url, row.window.budget)

    @admin.display(description="Amount", ordering="amount_pico")
    def amount(self, row: BudgetRaise) -> SafeString:
        return money(row.amount_pico)

    @admin.display(description="State", ordering="status")
    def state(self, row: BudgetRaise) -> SafeString:
        return pill(row.get_status_display(), _STATUS[row.status])

    @admin.display(description="Asked")
    def asked(self, row: BudgetRaise) -> SafeString:
        return format_html("{} {}", row.requested_by, short_time(row.requested_at))

    @admin.display(description="Until")
    def counts_until(self, row: BudgetRaise) -> SafeString:
        return short_time(row.until) if row.until else short_time(row.window.ends_at)

    @admin.display(description="Decided")
    def decided(self, row: BudgetRaise) -> SafeString:
        return format_html("{} {}", row.decided_by or "", short_time(row.decided_at))

    @confirmed_action(
        description="Approve",
        question="Approve these raises? Calls may spend the money at once.",
        button="Approve",
        permissions=("approve",),
    )
    def approve(self, request: HttpRequest, queryset: QuerySet[BudgetRaise], reason: str) -> str:
        return self._decide(request, queryset, reason, approve_raise, "approved")

    @confirmed_action(
        description="Decline",
        question="Decline these raises?",
        button="Decline",
        permissions=("approve",),
    )
    def decline(self, request: HttpRequest, queryset: QuerySet[BudgetRaise], reason: str) -> str:
        return self._decide(request, queryset, reason, decline_raise, "declined")

    def _decide(
        self,
        request: HttpRequest,
        queryset: QuerySet[BudgetRaise],
        reason: str,
        decide: Callable[..., Any],
        done: str,
    ) -> str:
        note_reason(reason)
        rows = queryset.order_by("pk").values_list("pk", flat=True)
        return decide_each(
            request,
            rows,
            lambda pk: decide(raise_id=pk, by=request.user, now=db_now()),
            refused=RaiseRefused,
            done=done,
        )


@admin.register(ThresholdCrossing)
class ThresholdCrossingAdmin(ReadOnlyAdmin):
    list_display = ("at", "budget", "what", "used", "limit", "told")
    list_filter = ("basis", "percent")
    list_select_related = ("window__budget", "alert")
    actions = None
    fields = readonly_fields = ("at", "budget", "what", "used", "limit", "told")
    empty_state = EmptyState("No budget has reached a threshold yet.")

    @admin.display(description="Budget")
    def budget(self, row: ThresholdCrossing) -> SafeString:
        url = reverse("admin:budgets_budget_change", args=[row.window.budget_id])
        return format_html('<a href="{}">{}</a>', url, row.window.budget)

    @admin.display(description="Threshold", ordering="percent")
    def what(self, row: ThresholdCrossing) -> str:
        return str(row)

    @admin.display(description="Compared")
    def used(self, row: ThresholdCrossing) -> SafeString:
        return money(row.used_pico)

    @admin.display(description="Limit")
    def limit(self, row: ThresholdCrossing) -> SafeString:
        return money(row.limit_pico)

    @admin.display(description="Told")
    def told(self, row: ThresholdCrossing) -> SafeString:
        alert: Alert = row.alert
        if alert.delivered_at:
            return short_time(alert.delivered_at)
        return pill(f"after {alert.tries} tries: {alert.error}" if alert.tries else "soon", "warn")
