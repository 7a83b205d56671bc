"""The ledger's page, and the one thing to do about an entry: price what had no price."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from apps.core.admin import confirmed_action
from apps.jobs.services.repricing import price_again
from apps.ledger.admin.entries import EntryAdmin
from apps.ledger.models import Entry, EntryKind

SHOWN = 3  # reasons why entries have no price yet

admin.site.unregister(Entry)


@admin.register(Entry)
class QuarantineAdmin(EntryAdmin):
    actions: Any = ("price_again",)
    object_actions = ("price_again",)

    def has_price_permission(self, request: HttpRequest) -> bool:
        """Who may add the price that was missing may book it."""
        return request.user.has_perm("registry.add_price")

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

    def _action_links(self, request: HttpRequest, obj: Model | None) -> list[tuple[str, str]]:
        is_unpriced = isinstance(obj, Entry) and obj.kind == EntryKind.UNPRICED
        return super()._action_links(request, obj) if is_unpriced else []
