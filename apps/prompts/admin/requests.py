"""Requests to release: who asks, who approved, what would change."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.admin import EmptyState, ReadOnlyAdmin, pill, short_time
from apps.core.admin.cells import NOTHING, Kind
from apps.core.clock import db_now
from apps.prompts.admin.ask import REASON_WIDGET, ReasonForm, ask
from apps.prompts.admin.cells import compare_url, version_link
from apps.prompts.admin.comments import comments_url
from apps.prompts.diff import Section, compare
from apps.prompts.models import OPEN_STATES, Channel, ReleaseRequest, RequestKind, RequestState
from apps.prompts.services import (
    approve_request,
    content_of,
    reject_request,
    withdraw_request,
)
from apps.prompts.services.freezes import freeze_at
from apps.prompts.services.gates import GateFinding, GateOutcome
from apps.prompts.services.releases import PROTECTED
from apps.prompts.services.requests import findings_of
from apps.prompts.validation import Content

_STATES: dict[str, Kind] = {
    RequestState.WAITING: "warn",
    RequestState.APPROVED: "info",
    RequestState.RELEASED: "ok",
    RequestState.REJECTED: "bad",
}

OUTCOME_KINDS: dict[GateOutcome, Kind] = {
    GateOutcome.PASS: "ok",
    GateOutcome.UNSURE: "warn",
    GateOutcome.FAIL: "bad",
}

NOTHING_LIVE = Content(messages=[], variables={}, model="", parameters={})


class AskForm(ReasonForm):
    """For the page of a version."""

    channel = forms.ModelChoiceField(Channel.objects.all(), empty_label="Choose a channel")
    kind = forms.ChoiceField(
        label="What for",
        choices=RequestKind.choices,
        help_text="An experiment may use what was live there, or what was approved for it.",
    )
    go_live_at = forms.DateTimeField(
        label="Not before",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text=f"{settings.TIME_ZONE}. Empty: as soon as it is approved.",
    )
    field_order = ("channel", "kind", "go_live_at", "reason")


class CommentForm(forms.Form):
    comment = forms.CharField(max_length=500, required=False, widget=REASON_WIDGET)


@admin.register(ReleaseRequest)
class ReleaseRequestAdmin(ReadOnlyAdmin):
    list_display = (
        *("__str__", "what_for", "current", "votes", "comments", "requester", "asked", "reason"),
    )
    list_filter = ("state", "channel", "kind")
    search_fields = ("prompt__slug", "reason")
    list_select_related = ("version__prompt", "channel", "requester")
    ordering = ("-id",)
    fields = (
        *("what", "what_for", "current", "votes", "comments"),
        *("requester", "reason", "not_before", "ended"),
    )
    readonly_fields = fields
    object_actions = ("approve", "reject", "withdraw")
    change_form_template = "admin/prompts/releaserequest/change_form.html"
    empty_state = EmptyState("Nobody has asked to release anything yet.")

    class Media:
        css = {"all": ["prompts/prompts.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReleaseRequest]:
        rows = super().get_queryset(request).select_related("version__prompt", "channel")
        is_open = Q(version__comments__parent=None, version__comments__resolved_at=None)
        rows = rows.prefetch_related("approvals__approver")
        return rows.annotate(open_comments=Count("version__comments", filter=is_open))  # type: ignore[no-any-return]

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(PROTECTED))

    def has_ask_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("prompts.add_releaserequest"))

    @admin.display(description="Version")
    def what(self, row: ReleaseRequest) -> SafeString:
        return version_link(row.version, str(row))

    @admin.display(description="For")
    def what_for(self, row: ReleaseRequest) -> str:
        return row.get_kind_display()

    @admin.display(description="State", ordering="state")
    def current(self, row: ReleaseRequest) -> SafeString:
        return pill(row.get_state_display(), _STATES.get(row.state, "quiet"))

    @admin.display(description="Approvals")
    def votes(self, row: ReleaseRequest) -> str:
        names = ", ".join(str(each.approver) for each in row.approvals.all())
        return f"{row.approvals.count()} of {row.needed}" + (f": {names}" if names else "")

    @admin.display(description="Comments")
    def comments(self, row: ReleaseRequest) -> SafeString | str:
        """On the version; how many nobody has resolved."""
        count: int = row.open_comments  # type: ignore[attr-defined]
        if not count:
            return NOTHING
        text = f"{count} open comment{'s' if count > 1 else ''}"
        return format_html('<a href="{}">{}</a>', comments_url(row.version), text)

    @admin.display(description="Asked", ordering="created_at")
    def asked(self, row: ReleaseRequest) -> SafeString:
        return short_time(row.created_at)

    @admin.display(description="Not before")
    def not_before(self, row: ReleaseRequest) -> SafeString | str:
        return short_time(row.go_live_at) if row.go_live_at else "as soon as it is approved"

    @admin.display(description="Outcome")
    def ended(self, row: ReleaseRequest) -> str:
        return row.outcome or NOTHING

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        context = _page(row) if row is not None else {}
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def _action_links(self, request: HttpRequest, obj: Any) -> list[tuple[str, str]]:
        """Only what this person can do now: the service would refuse the rest."""
        if obj is None:
            return []
        old = obj.base.version if obj.base else None
        compare = ("Compare…", compare_url(obj.prompt_id, old=old, new=obj.version))
        return [*self._decisions(request, obj), compare]

    def _decisions(self, request: HttpRequest, obj: ReleaseRequest) -> list[tuple[str, str]]:
        if obj.state not in OPEN_STATES:
            return []
        mine = request.user.pk in (obj.requester_id, obj.version.author_id)
        offered = {"withdraw"} if obj.requester_id == request.user.pk else set()
        if not mine:
            offered |= {"approve", "reject"} if obj.state == RequestState.WAITING else {"reject"}
        links = super()._action_links(request, obj)
        return [link for link in links if link[1].rstrip("/").rpartition("/")[2] in offered]

    @admin.action(description="Approve…", permissions=["decide"])
    def approve(
        self, request: HttpRequest, queryset: QuerySet[ReleaseRequest]
    ) -> HttpResponse | None:
        row = queryset.get()

        def run(values: Any) -> str:
            now, by = db_now(), request.user
            found = approve_request(request=row, by=by, now=now, **values)  # type: ignore[arg-type]
            return _told(found)

        title = f"Approve {row}?"
        return self._ask(request, row, CommentForm(request.POST or None), run, title, "Approve")

    @admin.action(description="Reject…", permissions=["decide"])
    def reject(
        self, request: HttpRequest, queryset: QuerySet[ReleaseRequest]
    ) -> HttpResponse | None:
        row = queryset.get()

        def run(values: Any) -> str:
            return _told(reject_request(request=row, by=request.user, now=db_now(), **values))  # type: ignore[arg-type]

        title = f"Reject {row}?"
        return self._ask(request, row, ReasonForm(request.POST or None), run, title, "Reject")

    @admin.action(description="Withdraw…", permissions=["ask"])
    def withdraw(
        self, request: HttpRequest, queryset: QuerySet[ReleaseRequest]
    ) -> HttpResponse | None:
        row = queryset.get()

        def run(values: Any) -> str:
            return _told(withdraw_request(request=row, by=request.user, now=db_now()))  # type: ignore[arg-type]

        form = forms.Form(request.POST if request.method == "POST" else None)
        return self._ask(request, row, form, run, f"Withdraw {row}?", "Withdraw")

    def _ask(
        self,
        request: HttpRequest,
        row: ReleaseRequest,
        form: forms.Form,
        run: Any,
        title: str,
        button: str,
    ) -> HttpResponse | None:
        context = {"sections": _changes(row)}
        return ask(
            self, request, row, form=form, run=run, title=title, button=button, context=context
        )


def _told(row: ReleaseRequest) -> str:
    if row.state == RequestState.WAITING:
        return f"{row}: {row.approvals.count()} of {row.needed} approvals."
    if row.state == RequestState.APPROVED and row.kind == RequestKind.RELEASE:
        return f"{row} is approved and goes live {_when(row)}."
    return f"{row} is {row.get_state_display().lower()}."


def _when(row: ReleaseRequest) -> str:
    if row.go_live_at is not None and row.go_live_at > db_now():
        return f"on {row.go_live_at:%-d %B at %H:%M %Z}"
    freeze = freeze_at(channel=row.channel, at=db_now())
    return f"when the freeze ends ({freeze.reason})" if freeze else "in a moment"


def _changes(row: ReleaseRequest) -> tuple[Section, ...]:
    """From what was live; where nothing was, all of it is new, and nobody approves it unseen."""
    old = content_of(row.base.version) if row.base else NOTHING_LIVE
    return compare(old, content_of(row.version))


def _page(row: ReleaseRequest) -> dict[str, Any]:
    return {
        "sections": _changes(row),
        "live_version": row.base.version if row.base else None,
        "votes": [(each, short_time(each.at)) for each in row.approvals.all()],
        "gates": _gates(row),
    }


def _gates(row: ReleaseRequest) -> list[tuple[GateFinding, SafeString]]:
    return [
        (finding, pill(finding.outcome, OUTCOME_KINDS[finding.outcome]))
        for finding in findings_of(row)
    ]
