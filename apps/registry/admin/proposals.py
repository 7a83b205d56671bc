"""Price proposals: a person approves or rejects the difference."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString

from apps.audit.history import note_reason
from apps.core.admin import EmptyState, ReadOnlyAdmin, confirmed_action, decide_each, pill
from apps.core.admin.cells import Kind
from apps.registry.admin import drift_page
from apps.registry.admin.cells import change_of, per_million, step, what_if_of
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
    empty_state = EmptyState(
        "No import has proposed a price. Compare yours with the published ones.",
        "Compare",
        "admin:registry_price_drift",
    )
    actions = ("what_if", "approve", "reject")
    object_actions = ("what_if", "approve", "reject")
    change_list_template = "admin/registry/priceproposal/change_list.html"
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
        return change_of(proposal.current_pico, proposal.proposed_pico)

    @admin.display(description="State", ordering="status")
    def state(self, proposal: PriceProposal) -> SafeString:
        return pill(proposal.get_status_display(), _KINDS[proposal.status])

    @admin.display(description="Decided by")
    def decision(self, proposal: PriceProposal) -> str:
        return proposal.decided_by or "–"

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("registry.approve_price"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.drift_view)
        return [path("drift/", view, name="registry_price_drift"), *super().get_urls()]

    def drift_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return drift_page.drift(self, request)

    @admin.action(description="What would it have cost?", permissions=["view"])
    def what_if(
        self, request: HttpRequest, queryset: QuerySet[PriceProposal]
    ) -> HttpResponseRedirect:
        """What calls of last month would have cost at these prices."""
        keys = queryset.order_by("pk").values_list("pk", flat=True)
        return what_if_of([("proposal", str(key)) for key in keys])

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
