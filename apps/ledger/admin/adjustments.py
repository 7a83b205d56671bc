"""Adjustments and credits for finance: ask, approve, reject; what was asked and decided before."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminDateWidget, AdminTextareaWidget, AdminTextInputWidget
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.access.models import CostCenter, Service, Team
from apps.audit.history import note_reason
from apps.audit.object_history import WithHistory
from apps.core.admin import (
    EmptyState,
    ReadOnlyAdmin,
    confirmed_action,
    decide_each,
    pill,
)
from apps.core.admin.cells import NOTHING, Kind, exact_money, short_day, short_time
from apps.core.clock import db_now
from apps.core.forms import USDFormField
from apps.ledger.adjusting import (
    AdjustmentRefused,
    approve_adjustment,
    check_day,
    reject_adjustment,
    request_adjustment,
)
from apps.ledger.models import Adjustment, AdjustmentKind, AdjustmentStatus
from apps.registry.models import Model, Provider

_STATUS: dict[str, Kind] = {
    AdjustmentStatus.REQUESTED: "warn",
    AdjustmentStatus.APPROVED: "ok",
    AdjustmentStatus.REJECTED: "quiet",
}
_SCOPE = ("provider", "model", "service", "team", "cost_center")


def _one_of(source: Any, help_text: str = "", *, required: bool = False) -> Any:
    rows = source.objects.order_by("slug")
    return forms.ModelChoiceField(
        rows, to_field_name="slug", required=required, help_text=help_text, empty_label="–"
    )


class AdjustmentForm(forms.ModelForm[Adjustment]):
    """What to ask for. Names are chosen, so that none is misspelt in the books for ever."""

    day = forms.DateField(
        widget=AdminDateWidget,
        help_text="The day whose cost it changes. It is booked there, or on the day of its "
        "approval if that month is closed by then.",
    )
    amount_pico = USDFormField(
        label="Amount, USD",
        widget=AdminTextInputWidget,
        help_text="What the cost changes by: -12.50 lowers it. A credit lowers it.",
    )
    provider = _one_of(Provider, "Whose invoice it is.", required=True)
    model = _one_of(Model, "If it is about one.")
    service = _one_of(Service, "If one bears it; its team and cost centre then do too.")
    team = _one_of(Team, "If a team bears it without a service.")
    cost_center = _one_of(CostCenter, "If a cost centre bears it without a service.")
    reason = forms.CharField(max_length=500, widget=AdminTextareaWidget(attrs={"rows": 3}))

    class Meta:
        model = Adjustment
        fields = ("kind", "day", "amount_pico", *_SCOPE, "reference", "reason")

    def clean_amount_pico(self) -> int:
        amount: int = self.cleaned_data["amount_pico"]
        if not amount:
            raise ValidationError("More or less than nothing.")
        if abs(amount) >= 2**63:
            raise ValidationError("More than an entry can hold: 9.2 million dollars.")
        if amount > 0 and self.cleaned_data.get("kind") == AdjustmentKind.CREDIT:
            raise ValidationError("A credit lowers the cost: write it with a minus.")
        return amount

    def clean_day(self) -> Any:
        try:
            check_day(self.cleaned_data["day"], db_now())
        except ValidationError as error:
            raise ValidationError(error.messages) from error
        return self.cleaned_data["day"]

    def clean(self) -> dict[str, Any]:
        """Slugs, as they will stand in the books."""
        data = self.cleaned_data
        service = data.get("service")
        if service is not None:
            for name in ("team", "cost_center"):
                if data.get(name) not in (None, getattr(service, name)):
                    self.add_error(name, f"Service {service.slug} belongs to another.")
                data[name] = getattr(service, name)
        for name in _SCOPE:
            chosen = data.get(name)
            data[name] = chosen.slug if chosen is not None else ""
        return data


@admin.register(Adjustment)
class AdjustmentAdmin(WithHistory, ReadOnlyAdmin):
    form = AdjustmentForm
    list_display = ("asked", "amount", "on_day", "kind", "state", "for_what", "reference")
    list_display_links = ("asked",)
    list_filter = ("status", "kind")
    search_fields = ("reference",)
    search_help_text = "A part of the reference."
    actions = ("approve", "reject")
    object_actions = ("approve", "reject")
    empty_state = EmptyState(
        "No invoice differed yet, and nothing was given back.",
        "Ask for an adjustment",
        "admin:ledger_adjustment_add",
    )
    _SHOWN = (
        "kind",
        "on_day",
        "amount",
        "state",
        *_SCOPE,
        "reference",
        "reason",
        "asked_by",
        "decided_by_whom",
        "decision",
        "booked_as",
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("ledger.add_adjustment"))

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("ledger.approve_adjustment"))

    def get_fields(self, request: HttpRequest, obj: Adjustment | None = None) -> Any:
        return AdjustmentForm.Meta.fields if obj is None else self._SHOWN

    def get_readonly_fields(self, request: HttpRequest, obj: Adjustment | None = None) -> Any:
        return () if obj is None else self._SHOWN

    def save_model(self, request: HttpRequest, obj: Adjustment, form: Any, change: bool) -> None:
        asked = {name: form.cleaned_data[name] for name in AdjustmentForm.Meta.fields}
        made = request_adjustment(**asked, by=request.user, now=db_now())
        obj.__dict__.update(made.__dict__)

    @admin.display(description="Asked", ordering="requested_at")
    def asked(self, row: Adjustment) -> SafeString:
        return short_time(row.requested_at)

    @admin.display(description="Asked by")
    def asked_by(self, row: Adjustment) -> SafeString:
        return format_html("{} {}", row.requested_by, short_time(row.requested_at))

    @admin.display(description="Day", ordering="day")
    def on_day(self, row: Adjustment) -> SafeString:
        return short_day(row.day)

    @admin.display(description="Amount, USD", ordering="amount_pico")
    def amount(self, row: Adjustment) -> SafeString:
        return exact_money(row.amount_pico)

    @admin.display(description="State", ordering="status")
    def state(self, row: Adjustment) -> SafeString:
        return pill(row.get_status_display(), _STATUS[row.status])

    @admin.display(description="For")
    def for_what(self, row: Adjustment) -> str:
        return ", ".join(filter(None, (getattr(row, name) for name in _SCOPE)))

    @admin.display(description="Decided by")
    def decided_by_whom(self, row: Adjustment) -> SafeString:
        return format_html("{} {}", row.decided_by or "", short_time(row.decided_at))

    @admin.display(description="Booked as")
    def booked_as(self, row: Adjustment) -> SafeString:
        if row.status != AdjustmentStatus.APPROVED:
            return format_html("{}", NOTHING)
        url = reverse("admin:ledger_entry_change", args=[row.pk])
        return format_html('<a href="{}">{}</a>', url, "the entry")

    @confirmed_action(
        description="Approve",
        question="Approve and book these? Entries are never changed or deleted.",
        button="Approve and book",
        permissions=("approve",),
    )
    def approve(self, request: HttpRequest, queryset: QuerySet[Adjustment], reason: str) -> str:
        return self._decide(request, queryset, reason, approve_adjustment, "booked")

    @confirmed_action(
        description="Reject",
        question="Reject these?",
        button="Reject",
        permissions=("approve",),
    )
    def reject(self, request: HttpRequest, queryset: QuerySet[Adjustment], reason: str) -> str:
        return self._decide(request, queryset, reason, reject_adjustment, "rejected")

    def _decide(
        self,
        request: HttpRequest,
        queryset: QuerySet[Adjustment],
        reason: str,
        decide: Callable[..., Any],
        done: str,
    ) -> str:
        note_reason(reason)
        rows = queryset.order_by("pk").values_list("pk", flat=True)
        return decide_each(
            request,
            rows,
            lambda pk: decide(adjustment_id=pk, by=request.user, now=db_now(), decision=reason),
            refused=AdjustmentRefused,
            done=done,
        )

    def _action_links(self, request: HttpRequest, obj: Any) -> list[tuple[str, str]]:
        is_open = obj is not None and obj.status == AdjustmentStatus.REQUESTED
        return super()._action_links(request, obj) if is_open else []
