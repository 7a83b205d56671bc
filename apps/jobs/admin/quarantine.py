"""The ledger's pages, with what is to be decided about an entry: a price that was missing, usage
that is contested, an estimate."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.audit.history import note_reason
from apps.core.admin import EmptyState, confirmed_action
from apps.core.admin.cells import short_time
from apps.jobs.admin.resolving import resolve_page
from apps.jobs.services.quarantine import RESOLVABLE, resolve_entry
from apps.jobs.services.repricing import price_again
from apps.ledger.admin.entries import EntryAdmin
from apps.ledger.admin.filters import ModelFilter, ServiceFilter
from apps.ledger.models import Choice, Entry, EntryKind, WaitingEntry
from apps.ledger.pricing import Unpriced
from apps.ledger.selectors import quarantined
from apps.ledger.services import NotReversible

SHOWN = 3  # reasons why entries still wait

admin.site.unregister(Entry)


class WhyFilter(admin.SimpleListFilter):
    title = "why it waits"
    parameter_name = "why"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (EntryKind.CONFLICT.value, "Conflicting usage"),
            (EntryKind.UNPRICED.value, "No price"),
            (EntryKind.ESTIMATE.value, "Unknown outcome"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class DecidingAdmin(EntryAdmin):
    """What may be done about entries, on whatever page they are shown."""

    object_actions = ("price_again", "resolve")

    def has_price_permission(self, request: HttpRequest) -> bool:
        """Who may add the price that was missing may book it."""
        return request.user.has_perm("registry.add_price")

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("ledger.resolve_entry")

    @confirmed_action(
        description="Price again",
        question="Book what these calls cost, by the prices of their time?",
        button="Price again",
        permissions=("price",),
    )
    def price_again(self, request: HttpRequest, queryset: QuerySet[Entry], reason: str) -> str:
        result = price_again(
            entry_ids=list(queryset.values_list("pk", flat=True)),
            reason=reason,
            actor=request.user.get_username(),
        )
        for text in result.missing[:SHOWN]:
            messages.warning(request, text)
        return f"{result.priced} priced, {len(result.missing)} still without a price."

    @admin.action(description="Resolve", permissions=("resolve",))
    def resolve(self, request: HttpRequest, queryset: QuerySet[Entry]) -> HttpResponse | None:
        return resolve_page(self, request, queryset.get())

    def _action_links(self, request: HttpRequest, obj: Model | None) -> list[tuple[str, str]]:
        """Only what can be done about this one."""
        links = super()._action_links(request, obj)
        name = _decision(obj) if isinstance(obj, Entry) else ""
        return [(text, url) for text, url in links if name and url.endswith(f"/{name}/")]


@admin.register(Entry)
class LedgerAdmin(DecidingAdmin):
    actions: Any = ("price_again",)


@admin.register(WaitingEntry)
class QuarantineAdmin(DecidingAdmin):
    list_display: Any = (
        "waiting_since",
        "kind_pill",
        "why",
        "service",
        "model",
        "exact",
        "request_id",
    )
    list_display_links: Any = None
    list_filter = (WhyFilter, ServiceFilter, ModelFilter)  # type: ignore[assignment]
    palette_fields = ()  # type: ignore[assignment]
    actions: Any = ("price_again", "accept_totals", "keep_booked")
    empty_state = EmptyState(
        "Nothing waits. Calls without a price, usage that contradicts itself and calls whose "
        "outcome nobody was told appear here."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return WaitingEntry.objects.filter(pk__in=quarantined().order_by().values("pk"))

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("ledger.view_entry")

    @admin.display(description="Booked", ordering="at")
    def waiting_since(self, entry: Entry) -> SafeString:
        url = reverse("admin:ledger_entry_change", args=[entry.pk])
        return format_html('<a href="{}">{}</a>', url, short_time(entry.at))

    @admin.display(description="What is wrong")
    def why(self, entry: Entry) -> str:
        return entry.reason or "Nobody was told how the call ended; an estimate stands for it."

    @confirmed_action(
        description="Accept the provider's totals",
        question="Book the totals that the provider reported, as plain tokens?",
        button="Accept totals",
        permissions=("resolve",),
    )
    def accept_totals(self, request: HttpRequest, queryset: QuerySet[Entry], reason: str) -> str:
        return _resolve_all(request, queryset, Choice.PROVIDER, reason)

    @confirmed_action(
        description="Keep what is booked",
        question="Let what is booked stand for good?",
        button="Keep",
        permissions=("resolve",),
    )
    def keep_booked(self, request: HttpRequest, queryset: QuerySet[Entry], reason: str) -> str:
        return _resolve_all(request, queryset, Choice.KEEP, reason)


def _decision(entry: Entry) -> str:
    if Entry.objects.filter(reverses=entry).exists():
        return ""
    if entry.kind == EntryKind.UNPRICED:
        return "price_again"
    return "resolve" if entry.kind in RESOLVABLE and entry.attempt_id else ""


def _resolve_all(
    request: HttpRequest, queryset: QuerySet[Entry], choice: Choice, reason: str
) -> str:
    """Each in a transaction of its own: one that cannot be resolved keeps no other waiting."""
    note_reason(reason)
    ids = list(queryset.order_by("pk").values_list("pk", flat=True))
    refused = [text for id_ in ids if (text := _resolve(request, id_, choice, reason))]
    for text in refused[:SHOWN]:
        messages.warning(request, text)
    return f"{len(ids) - len(refused)} resolved, {len(refused)} still waiting."


def _resolve(request: HttpRequest, entry_id: Any, choice: Choice, reason: str) -> str:
    """Why not, or nothing."""
    try:
        resolve_entry(entry_id=entry_id, choice=choice, reason=reason, by=request.user)
    except (NotReversible, Unpriced, ValueError) as error:
        return f"Entry {entry_id}: {error}"
    return ""
