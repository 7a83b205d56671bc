"""Price proposals: a person approves or rejects the difference."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from apps.audit.history import note_reason
from apps.core.admin import EmptyState, ReadOnlyAdmin, confirmed_action, decide_each, pill
from apps.core.admin.cells import Kind
from apps.registry.admin.cells import per_million, step
from apps.registry.models import PriceProposal
from apps.registry.services import PriceRefused, approve_proposal, reject_proposal

_KINDS: dict[str, Kind] = {"open": "warn", "approved": "ok", "rejected": "quiet"}


@admin.register(PriceProposal)
class PriceProposalAdmin(ReadOnlyAdmin):
    list_display = (
        "deployment",
        "usage_class",
        "service_tier",
        "step",
        "current",
        "proposed",
        "difference",
        "state",
        "source",
        "decision",
    )
    list_select_related = ("deployment",)
    list_filter = ("status", "usage_class", "service_tier", "deployment__provider")
    search_fields = ("deployment__slug__startswith",)
    search_help_text = "Beginning of the deployment's short name."
    empty_state = EmptyState("No import has proposed a price. Run manage.py import_prices.")
    actions = ("approve", "reject")
    object_actions = ("approve", "reject")
    fields = readonly_fields = (*list_display, "created_at", "decided_at")

    @admin.display(description="From tokens", ordering="min_input_tokens")
    def step(self, proposal: PriceProposal) -> SafeString:
        return step(proposal)

    @admin.display(description="USD a million now")
    def current(self, proposal: PriceProposal) -> SafeString:
        return per_million(proposal.current_pico, proposal.per_block)

    @admin.display(description="Proposed")
    def proposed(self, proposal: PriceProposal) -> SafeString:
        return per_million(proposal.proposed_pico, proposal.per_block)

    @admin.display(description="Change")
    def difference(self, proposal: PriceProposal) -> str:
        if not proposal.current_pico:
            return "new"
        change = proposal.proposed_pico - proposal.current_pico
        return f"{change * 100 / proposal.current_pico:+.1f} %"

    @admin.display(description="State", ordering="status")
    def state(self, proposal: PriceProposal) -> SafeString:
        return pill(proposal.get_status_display(), _KINDS[proposal.status])

    @admin.display(description="Decided by")
    def decision(self, proposal: PriceProposal) -> str:
        return proposal.decided_by or "–"

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("registry.approve_price"))

    @confirmed_action(
        description="Approve",
        question="Approve these prices? They hold for calls from now on.",
        button="Approve",
        permissions=("approve",),
    )
    def approve(self, request: HttpRequest, queryset: QuerySet[PriceProposal], reason: str) -> str:
        return self._decide(request, queryset, reason, approve_proposal, "approved")

    @confirmed_action(
        description="Reject",
        question="Reject these prices? The ones that hold stay.",
        button="Reject",
        permissions=("approve",),
    )
    def reject(self, request: HttpRequest, queryset: QuerySet[PriceProposal], reason: str) -> str:
        return self._decide(request, queryset, reason, reject_proposal, "rejected")

    def _decide(
        self,
        request: HttpRequest,
        queryset: QuerySet[PriceProposal],
        reason: str,
        decide: Callable[..., Any],
        done: str,
    ) -> str:
        note_reason(reason)
        rows = queryset.order_by("deployment_id", "pk")
        return decide_each(
            request,
            rows,
            lambda proposal: decide(
                proposal=proposal, by=request.user.get_username(), now=timezone.now()
            ),
            refused=PriceRefused,
            done=done,
        )
