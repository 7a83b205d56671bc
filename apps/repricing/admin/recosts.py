"""Recosts: the list, one with its prices, its difference and how far it is, and deciding it."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.db.models.functions import Abs
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.audit.history import note_reason
from apps.core.admin import (
    EmptyState,
    ReadOnlyAdmin,
    confirmed_action,
    decide_each,
    pill,
    short_time,
)
from apps.core.admin.cells import Kind, exact_money
from apps.core.clock import db_now
from apps.repricing.admin.cells import rate_rows, rows_of, sum_of
from apps.repricing.models import Recost, RecostStatus
from apps.repricing.selectors import days_of, progress, rates_of, summary_of
from apps.repricing.services import approve_recost, reject_recost
from apps.repricing.types import RepricingRefused

SHOWN = 20  # entries, those that change most
STATUS: dict[str, Kind] = {
    RecostStatus.REQUESTED: "warn",
    RecostStatus.APPROVED: "info",
    RecostStatus.DONE: "ok",
    RecostStatus.REJECTED: "quiet",
}


@admin.register(Recost)
class RecostAdmin(ReadOnlyAdmin):
    list_display = ("asked", "state", "days", "count", "before", "after", "difference", "why")
    list_display_links = ("asked",)
    list_filter = ("status",)
    list_select_related = ("requested_by",)
    actions = ("approve", "reject")
    object_actions = ("approve", "reject")
    empty_state = EmptyState(
        "No period was priced anew. Ask what it would have cost first.",
        "Price what-if",
        "admin:price_what_if",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Recost]:
        return super().get_queryset(request).defer("segments", "summary")

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("repricing.approve_recost"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = self.get_object(request, object_id)
        if found is None:  # says so, and goes back to the list
            return super().change_view(request, object_id, form_url, extra_context)
        return self._page(request, found)

    def _page(self, request: HttpRequest, recost: Recost) -> HttpResponse:
        shown = summary_of(recost)
        changed = recost.items.annotate(by=Abs(F("after_pico") - F("before_pico")))
        context = self.admin_site.each_context(request) | {
            "title": str(recost).capitalize(),
            "opts": self.opts,
            "recost": recost,
            "days": days_of(recost),
            "kind": STATUS[recost.status],
            "actions": self._action_links(request, recost),
            "progress": progress(recost),
            "rates": [
                (row, "") for row in rate_rows(rates_of(recost), used=shown.used, now=db_now())
            ],
            "found": shown,
            "whole": sum_of([*shown.priced, *shown.newly]),
            "priced": rows_of(shown.priced),
            "priced_sum": sum_of(shown.priced),
            "newly": rows_of(shown.newly),
            "newly_sum": sum_of(shown.newly),
            "items": changed.order_by("-by", "pk")[:SHOWN],
            "has_more": recost.entries > SHOWN,
        }
        return TemplateResponse(request, "repricing/recost.html", context)

    def _action_links(self, request: HttpRequest, obj: Any) -> list[tuple[str, str]]:
        is_open = obj is not None and obj.status == RecostStatus.REQUESTED
        return super()._action_links(request, obj) if is_open else []

    @admin.display(description="Asked", ordering="requested_at")
    def asked(self, row: Recost) -> SafeString:
        return format_html("{} {}", short_time(row.requested_at), row.requested_by)

    @admin.display(description="State", ordering="status")
    def state(self, row: Recost) -> SafeString:
        return pill(row.get_status_display(), STATUS[row.status])

    @admin.display(description="Calls sent")
    def days(self, row: Recost) -> str:
        days = days_of(row)
        return f"{days.first} to {days.last}"

    @admin.display(description="Entries", ordering="entries")
    def count(self, row: Recost) -> str:
        return f"{row.entries:,}"

    @admin.display(description="As booked, USD")
    def before(self, row: Recost) -> SafeString:
        return exact_money(row.before_pico)

    @admin.display(description="At these prices, USD")
    def after(self, row: Recost) -> SafeString:
        return exact_money(row.after_pico)

    @admin.display(description="Difference, USD")
    def difference(self, row: Recost) -> SafeString:
        return exact_money(row.difference_pico)

    @admin.display(description="Reason")
    def why(self, row: Recost) -> str:
        return row.reason

    @confirmed_action(
        description="Approve",
        question="Approve, and book these corrections? Entries are never changed or deleted.",
        button="Approve and book",
        permissions=("approve",),
    )
    def approve(self, request: HttpRequest, queryset: QuerySet[Recost], reason: str) -> str:
        return self._decide(request, queryset, reason, approve_recost, "approved")

    @confirmed_action(
        description="Reject",
        question="Reject these? Nothing is booked.",
        button="Reject",
        permissions=("approve",),
    )
    def reject(self, request: HttpRequest, queryset: QuerySet[Recost], reason: str) -> str:
        return self._decide(request, queryset, reason, reject_recost, "rejected")

    def _decide(
        self,
        request: HttpRequest,
        queryset: QuerySet[Recost],
        reason: str,
        decide: Callable[..., Any],
        done: str,
    ) -> str:
        note_reason(reason)
        rows = queryset.order_by("pk").values_list("pk", flat=True)
        return decide_each(
            request,
            rows,
            lambda pk: decide(recost_id=pk, by=request.user, now=db_now(), decision=reason),
            refused=RepricingRefused,
            done=done,
        )
