"""Months for finance: what is left to do, and closing them in two steps by two people."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse

from apps.audit.history import note_reason
from apps.audit.object_history import WithHistory
from apps.core.admin import (
    EmptyState,
    ReadOnlyAdmin,
    confirmed_action,
    decide_each,
    reloaded,
)
from apps.core.clock import db_now
from apps.ledger.admin.period_cells import PeriodCells
from apps.ledger.boundary import ClosingRefused
from apps.ledger.closing import ask_to_close, make_periods, reopen, soft_close
from apps.ledger.models import Closing, ClosingStatus, Period, PeriodStatus

_ASKED = Closing.objects.filter(period=OuterRef("pk"), status=ClosingStatus.ASKED)
_POSSIBLE = {
    PeriodStatus.OPEN: {"close_softly"},
    PeriodStatus.SOFT_CLOSED: {"close_for_ever", "open_again"},
    PeriodStatus.CLOSED: set[str](),
}


@admin.register(Period)
class PeriodAdmin(PeriodCells, WithHistory, ReadOnlyAdmin):
    list_display = ("name", "state", "sealed_entries", "sealed_amount", "short_seal", "closed")
    list_display_links = ("name",)
    list_filter = ("status",)
    actions = None
    object_actions = ("close_softly", "close_for_ever", "open_again")
    history_without = frozenset({"after_xid", "days", "tries"})
    empty_state = EmptyState("No month with entries has ended yet. It appears here when it has.")
    _SEALED = ("sealed_entries", "sealed_amount", "seal", "previous_seal", "day_table")
    _HEAD = ("state", "bounds", "softly_closed", "closed")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        make_periods(zone=settings.REPORTING_TIME_ZONE, now=db_now())
        return super().changelist_view(request, extra_context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """While a worker closes it, the page loads itself again."""
        response = super().change_view(request, object_id, form_url, extra_context)
        period = getattr(response, "context_data", {}).get("original")
        return reloaded(response) if getattr(period, "is_being_closed", False) else response

    def has_close_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("ledger.close_period"))

    def get_fieldsets(self, request: HttpRequest, obj: Period | None = None) -> Any:
        is_closed = obj is not None and obj.status == PeriodStatus.CLOSED
        more = ("Seal", self._SEALED) if is_closed else ("Before it can be closed", ("checklist",))
        now = () if obj is None else ("reason",) if is_closed else ("booked",)
        soft = ("who_closes",) if obj and obj.status == PeriodStatus.SOFT_CLOSED else ()
        tried = ("last_try",) if obj and not is_closed and obj.closings.exists() else ()
        return (
            (None, {"fields": (*self._HEAD, *now, *soft, *tried)}),
            (more[0], {"fields": more[1]}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Period | None = None) -> Any:
        return (
            *self._HEAD,
            "reason",
            "booked",
            "who_closes",
            "last_try",
            *self._SEALED,
            "checklist",
        )

    def with_history_of(self, obj: Period) -> QuerySet[Closing]:
        """Who asked that it be closed, also where it was not."""
        return obj.closings.all()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Period]:
        rows: QuerySet[Period] = super().get_queryset(request)
        return rows.annotate(is_being_closed=Exists(_ASKED))

    @confirmed_action(
        description="Soft-close",
        question="From now on only adjustments and credits can be dated into this month. Go on?",
        button="Soft-close",
        permissions=("close",),
    )
    def close_softly(self, request: HttpRequest, queryset: QuerySet[Period], reason: str) -> str:
        return self._each(
            request,
            queryset,
            reason,
            lambda pk: soft_close(month=pk, by=request.user),
            "soft-closed",
        )

    @confirmed_action(
        description="Close for ever",
        question="Nothing will ever be dated into this month again, and nobody can open it. A "
        "worker reads every entry first, a few minutes for a million, and closes it then. Go on?",
        button="Close for ever",
        permissions=("close",),
    )
    def close_for_ever(self, request: HttpRequest, queryset: QuerySet[Period], reason: str) -> str:
        return self._each(
            request,
            queryset,
            reason,
            lambda pk: ask_to_close(month=pk, by=request.user, reason=reason),
            "being closed",
        )

    @confirmed_action(
        description="Open again",
        question="Entries of any kind can be dated into this month again. Open it?",
        button="Open again",
        permissions=("close",),
    )
    def open_again(self, request: HttpRequest, queryset: QuerySet[Period], reason: str) -> str:
        return self._each(request, queryset, reason, lambda pk: reopen(month=pk), "opened")

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[Period],
        reason: str,
        decide: Callable[[date], object],
        done: str,
    ) -> str:
        note_reason(reason)
        months = queryset.values_list("pk", flat=True)
        return decide_each(request, months, decide, refused=ClosingRefused, done=done)

    def _action_links(self, request: HttpRequest, obj: Any) -> list[tuple[str, str]]:
        possible = set(_POSSIBLE[PeriodStatus(obj.status)]) if obj is not None else set()
        if obj is not None and (obj.is_being_closed or obj.soft_closed_by_id == request.user.pk):
            possible.discard("close_for_ever")
        names = {self._action_url(obj, name) for name in possible}
        return [found for found in super()._action_links(request, obj) if found[1] in names]
