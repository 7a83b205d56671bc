"""Months without a provider's statement: ask, approve, reject; what was decided before."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminTextareaWidget
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.audit.history import note_reason
from apps.audit.object_history import WithHistory
from apps.core.admin import (
    EmptyState,
    ReadOnlyAdmin,
    confirmed_action,
    decide_each,
    pill,
    short_time,
)
from apps.core.admin.cells import NOTHING, Kind
from apps.core.clock import db_now
from apps.ledger.models import Period, PeriodStatus
from apps.reconciliation.errors import ReconciliationRefused
from apps.reconciliation.models import Waiver, WaiverStatus
from apps.reconciliation.services.waiving import approve_waiver, reject_waiver, request_waiver
from apps.registry.models import Provider

_STATUS: dict[str, Kind] = {
    WaiverStatus.REQUESTED: "warn",
    WaiverStatus.APPROVED: "ok",
    WaiverStatus.REJECTED: "quiet",
}


class WaiverForm(forms.ModelForm[Waiver]):
    """Which month of whom. That two stand for one month is said by `request_waiver`'s rules."""

    provider = forms.ModelChoiceField(
        Provider.objects.order_by("slug"), empty_label="–", help_text="Who sends no bill."
    )
    period = forms.ModelChoiceField(
        Period.objects.exclude(status=PeriodStatus.CLOSED),
        label="Month",
        empty_label="–",
        help_text="One that is not closed. Each month is asked for anew.",
    )
    reason = forms.CharField(
        max_length=500,
        widget=AdminTextareaWidget(attrs={"rows": 3}),
        help_text="Why there is nothing to compare, for somebody who was not here.",
    )

    class Meta:
        model = Waiver
        fields = ("provider", "period", "reason")

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        standing = Waiver.objects.exclude(status=WaiverStatus.REJECTED)
        asked = {name: data.get(name) for name in ("provider", "period")}
        if all(asked.values()) and standing.filter(**asked).exists():
            self.add_error("period", "That is asked for, or approved, already.")
        return data


@admin.register(Waiver)
class WaiverAdmin(WithHistory, ReadOnlyAdmin):
    form = WaiverForm
    list_display = ("name", "state", "asked", "decided", "why")
    list_display_links = ("name",)
    list_filter = ("status", "provider")
    list_select_related = ("provider", "period", "requested_by", "decided_by")
    actions = ("approve", "reject")
    object_actions = ("approve", "reject")
    empty_state = EmptyState(
        "Every month needs a statement of each provider. Of one that sends no bill, two people can "
        "waive it.",
        "Ask to waive a statement",
        "admin:reconciliation_waiver_add",
    )
    _SHOWN = ("provider", "month", "state", "reason", "asked", "decided", "decision")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("reconciliation.add_waiver"))

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("reconciliation.approve_waiver"))

    def get_fields(self, request: HttpRequest, obj: Waiver | None = None) -> Any:
        return WaiverForm.Meta.fields if obj is None else self._SHOWN

    def get_readonly_fields(self, request: HttpRequest, obj: Waiver | None = None) -> Any:
        return () if obj is None else self._SHOWN

    def save_model(self, request: HttpRequest, obj: Waiver, form: Any, change: bool) -> None:
        asked = {name: form.cleaned_data[name] for name in WaiverForm.Meta.fields}
        made = request_waiver(**asked, by=request.user, now=db_now())
        obj.__dict__.update(made.__dict__)

    @admin.display(description="Provider and month", ordering="period")
    def name(self, row: Waiver) -> str:
        return str(row)

    @admin.display(description="Month")
    def month(self, row: Waiver) -> str:
        return str(row.period)

    @admin.display(description="State", ordering="status")
    def state(self, row: Waiver) -> SafeString:
        return pill(row.get_status_display(), _STATUS[row.status])

    @admin.display(description="Asked by", ordering="requested_at")
    def asked(self, row: Waiver) -> SafeString:
        return format_html("{} {}", row.requested_by, short_time(row.requested_at))

    @admin.display(description="Decided by", ordering="decided_at")
    def decided(self, row: Waiver) -> SafeString:
        if row.decided_by is None:
            return SafeString(NOTHING)
        return format_html("{} {}", row.decided_by, short_time(row.decided_at))

    @admin.display(description="Reason")
    def why(self, row: Waiver) -> str:
        return row.reason

    @confirmed_action(
        description="Approve",
        question="Approve? Their months then close without these statements.",
        button="Approve",
        permissions=("approve",),
    )
    def approve(self, request: HttpRequest, queryset: QuerySet[Waiver], reason: str) -> str:
        return self._decide(request, queryset, reason, approve_waiver, "approved")

    @confirmed_action(
        description="Reject",
        question="Reject these? Their months then need the statements.",
        button="Reject",
        permissions=("approve",),
    )
    def reject(self, request: HttpRequest, queryset: QuerySet[Waiver], reason: str) -> str:
        return self._decide(request, queryset, reason, reject_waiver, "rejected")

    def _decide(
        self,
        request: HttpRequest,
        queryset: QuerySet[Waiver],
        reason: str,
        decide: Callable[..., Any],
        done: str,
    ) -> str:
        note_reason(reason)
        rows = queryset.order_by("pk").values_list("pk", flat=True)
        return decide_each(
            request,
            rows,
            lambda pk: decide(waiver_id=pk, by=request.user, now=db_now(), decision=reason),
            refused=ReconciliationRefused,
            done=done,
        )

    def _action_links(self, request: HttpRequest, obj: Any) -> list[tuple[str, str]]:
        is_open = obj is not None and obj.status == WaiverStatus.REQUESTED
        return super()._action_links(request, obj) if is_open else []
