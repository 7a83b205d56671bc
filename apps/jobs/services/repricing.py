"""Unpriced calls, once finance knows their price: ledger, budgets and jobs in one transaction."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from apps.core.clock import db_now
from apps.jobs.services.rebooking import locked_attempts, post_new_totals, prices_then
from apps.ledger.models import Attempt, Entry, EntryKind
from apps.ledger.pricing import Priced, Unpriced, counts_of, price_usage, tier_of_lines
from apps.ledger.services import correct_entry


@dataclass(frozen=True, slots=True)
class Repriced:
    """How many entries have a price now, and why the others still have none."""

    priced: int
    missing: tuple[str, ...]


@transaction.atomic
def price_again(*, entry_ids: Collection[UUID], reason: str, actor: str) -> Repriced:
    """Book what unpriced entries cost by the prices that held when their calls were sent.

    Each becomes a reversal and a correction; budgets and jobs get the new totals. Entries of other
    kinds, and those that were corrected before, are left out.
    """
    entries = _unpriced(entry_ids)
    now, missing, attempts = db_now(), [], []
    for entry, attempt in entries:
        try:
            priced = _price(entry, attempt)
        except Unpriced as error:
            missing.append(f"{attempt}: {error}")
            continue
        correct_entry(
            entry=entry,
            amount_pico=priced.amount_pico,
            lines=priced.frozen_lines(),
            reason=reason,
            actor=actor,
            now=now,
        )
        attempts.append(attempt)
    if attempts:
        post_new_totals(attempts=attempts, now=now)
    return Repriced(len(attempts), tuple(missing))


def _unpriced(entry_ids: Collection[UUID]) -> list[tuple[Entry, Attempt]]:
    """With their attempts, which are locked."""
    wanted = Entry.objects.filter(pk__in=entry_ids, kind=EntryKind.UNPRICED)
    attempts = locked_attempts(list(wanted.values_list("attempt_id", flat=True)))
    open_ = wanted.filter(reversed_by=None).order_by("attempt_id")
    return [(entry, attempts[entry.attempt_id]) for entry in open_ if entry.attempt_id]


def _price(entry: Entry, attempt: Attempt) -> Priced:
    return price_usage(
        counts=counts_of(entry.lines),
        prices=prices_then(attempt),
        tier=tier_of_lines(entry.lines),
    )
