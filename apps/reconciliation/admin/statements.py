"""Statements of providers: upload, look, decide, sign off."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from apps.audit.history import note_reason
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
from apps.reconciliation.admin import decide_page, statement_page, upload_page
from apps.reconciliation.errors import ReconciliationRefused
from apps.reconciliation.models import Statement, StatementStatus
from apps.reconciliation.services.comparing import compare_again
from apps.reconciliation.services.importing import discard_draft, import_statement
from apps.reconciliation.services.signing import reopen, sign_off

STATUS: dict[str, Kind] = {
    StatementStatus.DRAFT: "info",
    StatementStatus.OPEN: "warn",
    StatementStatus.SIGNED: "ok",
    StatementStatus.VOID: "quiet",
}
_POSSIBLE = {
    StatementStatus.DRAFT: {"take_in", "discard", "compare"},
    StatementStatus.OPEN: {"sign", "compare"},
    StatementStatus.SIGNED: {"open_again"},
    StatementStatus.VOID: set[str](),
}


@admin.register(Statement)
class StatementAdmin(ReadOnlyAdmin):
    list_display = ("name", "state", "theirs", "ours", "difference", "share", "uploaded", "signed")
    list_display_links = ("name",)
    list_filter = ("status", "provider")
    list_select_related = ("provider", "uploaded_by", "signed_by")
    actions = None
    object_actions = ("take_in", "discard", "sign", "open_again", "compare")
    empty_state = EmptyState(
        "Compare what a provider bills with the ledger, day by day, model by model.",
        "Upload a statement",
        "admin:reconciliation_statement_add",
    )

    def get_urls(self) -> list[URLPattern]:
        decide = self.admin_site.admin_view(self.decide_view)
        lines = self.admin_site.admin_view(self.lines_view)
        return [
            path("<uuid:object_id>/decide/", decide, name="reconciliation_statement_decide"),
            path("<uuid:object_id>/lines.csv", lines, name="reconciliation_statement_csv"),
            *super().get_urls(),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("reconciliation.add_statement"))

    def has_settle_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("reconciliation.settle_difference"))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return upload_page.upload(self, request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = self.get_object(request, object_id)
        if found is None:  # says so, and goes back to the list
            return super().change_view(request, object_id, form_url, extra_context)
        return statement_page.statement_page(self, request, found)

    def decide_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        if not self.has_settle_permission(request):
            raise PermissionDenied
        found = self.get_object(request, str(object_id))
        if found is None:
            raise Http404
        return decide_page.decide(self, request, found)

    def lines_view(self, request: HttpRequest, object_id: UUID) -> HttpResponseBase:
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = self.get_object(request, str(object_id))
        if found is None:
            raise Http404
        return statement_page.csv_file(request, found)

    @admin.display(description="Statement", ordering="first_day")
    def name(self, row: Statement) -> str:
        return str(row)

    @admin.display(description="State", ordering="status")
    def state(self, row: Statement) -> SafeString:
        return pill(row.get_status_display(), STATUS[row.status])

    @admin.display(description="Theirs", ordering="theirs_pico")
    def theirs(self, row: Statement) -> SafeString:
        return money(row.theirs_pico)

    @admin.display(description="Ours", ordering="ours_pico")
    def ours(self, row: Statement) -> SafeString:
        return money(row.ours_pico)

    @admin.display(description="Difference")
    def difference(self, row: Statement) -> SafeString:
        return money(row.theirs_pico - row.ours_pico)

    @admin.display(description="%")
    def share(self, row: Statement) -> str:
        return statement_page.share_of(row.theirs_pico - row.ours_pico, row.theirs_pico)

    @admin.display(description="Uploaded", ordering="uploaded_at")
    def uploaded(self, row: Statement) -> SafeString:
        return short_time(row.uploaded_at)

    @admin.display(description="Signed off", ordering="signed_at")
    def signed(self, row: Statement) -> SafeString:
        return short_time(row.signed_at)

    @confirmed_action(
        description="Import",
        question="Import it? Older statements of its days are replaced, and kept.",
        button="Import",
        permissions=("add",),
    )
    def take_in(self, request: HttpRequest, queryset: QuerySet[Statement], reason: str) -> str:
        def decide(pk: UUID) -> object:
            return import_statement(statement_id=pk, now=db_now())

        return self._each(request, queryset, reason, decide, "imported")

    def discard(self, request: HttpRequest, queryset: QuerySet[Statement]) -> HttpResponse | None:
        """It counted for nothing, so it asks for no reason; only by POST."""
        if request.method != "POST":
            return None
        try:
            discard_draft(statement_id=queryset.get().pk)
        except ReconciliationRefused as error:
            messages.error(request, str(error))
            return None
        messages.success(request, "Thrown away: nothing was imported.")
        return HttpResponseRedirect(reverse("admin:reconciliation_statement_changelist"))

    discard.short_description = "Throw away"  # type: ignore[attr-defined]
    discard.allowed_permissions = ("add",)  # type: ignore[attr-defined]

    @confirmed_action(
        description="Sign off",
        question="Sign it off? It is compared with the books once more, and stays open if anything "
        "changed; what is not explained is kept with it.",
        button="Sign off",
        permissions=("settle",),
        warning=statement_page.unexplained_warning,
    )
    def sign(self, request: HttpRequest, queryset: QuerySet[Statement], reason: str) -> str:
        def decide(pk: UUID) -> object:
            return sign_off(statement_id=pk, note=reason, by=request.user, now=db_now())

        return self._each(request, queryset, reason, decide, "signed off")

    @confirmed_action(
        description="Open again",
        question="Open it again? Its month cannot be closed until it is signed off.",
        button="Open again",
        permissions=("settle",),
    )
    def open_again(self, request: HttpRequest, queryset: QuerySet[Statement], reason: str) -> str:
        def decide(pk: UUID) -> object:
            return reopen(statement_id=pk, now=db_now())

        return self._each(request, queryset, reason, decide, "opened")

    def compare(self, request: HttpRequest, queryset: QuerySet[Statement]) -> None:
        """With the books and names of now; only by POST."""
        if request.method != "POST":
            return
        try:
            compare_again(statement_id=queryset.get().pk, now=db_now())
        except ReconciliationRefused as error:
            messages.error(request, str(error))
        else:
            messages.success(request, "Compared with the books as they are now.")

    compare.short_description = "Compare again"  # type: ignore[attr-defined]
    compare.allowed_permissions = ("settle",)  # type: ignore[attr-defined]

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[Statement],
        reason: str,
        decide: Callable[[UUID], object],
        done: str,
    ) -> str:
        note_reason(reason)
        rows = queryset.values_list("pk", flat=True)
        return decide_each(request, rows, decide, refused=ReconciliationRefused, done=done)

    def possible_actions(self, request: HttpRequest, row: Statement) -> list[dict[str, Any]]:
        """Buttons that its state allows; two of them act at once, by POST."""
        possible = _POSSIBLE[StatementStatus(row.status)]
        return [
            {
                "label": getattr(self, name).short_description,
                "url": self._action_url(row, name),
                "is_post": name in ("discard", "compare"),
                "is_primary": name in ("take_in", "sign"),
            }
            for name in self.object_actions
            if name in possible and self._may_run(request, name)
        ]
