"""Approved recosts become entries: of each item a reversal and a correction, batch by batch.

A batch is one transaction: its entries, budgets, jobs, and what the items say of themselves.
Whoever dies in it has never begun. One is booked at a time in the whole house: all of them wait for
the boundary of the books anyway, and each that waits holds a thread of a worker, which has jobs to
ring for. An entry is reversed once, so nothing is booked twice whatever happens.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from apps.audit.history import with_reason
from apps.core.clock import db_now
from apps.core.rows import insert
from apps.jobs.services.rebooking import locked_attempts, post_new_totals
from apps.ledger.boundary import lock_boundary
from apps.ledger.entries import correction_of, reversal_of
from apps.ledger.models import Attempt, Boundary, Entry, EntryKey
from apps.ledger.pricing import Priced, Unpriced, counts_of, price_usage, tier_of_lines
from apps.repricing.models import Outcome, Recost, RecostItem, RecostStatus
from apps.repricing.selectors import segments_of
from apps.repricing.types import Segment

BATCH = 500
_LOCK = 0x626F6F6B  # "book": batches come one after the other


def book_all() -> int:
    """Book what is approved; how many items were dealt with. Safe to run twice, and at once."""
    total = 0
    while done := book_batch():
        total += done
    return total


@transaction.atomic
def book_batch(*, size: int = BATCH) -> int:
    """The next items of the oldest approved recost; 0 when there are none, or when another process
    is at it."""
    if not _is_alone():
        return 0
    approved = Recost.objects.filter(status=RecostStatus.APPROVED)
    recost = approved.select_related("decided_by").order_by("decided_at", "pk").first()
    if recost is None:
        return 0
    items = list(
        recost.items.filter(outcome="")
        .order_by("attempt_id", "entry_id")
        .select_for_update(of=("self",))[:size]
    )
    if items:
        with with_reason(recost.reason):
            _book(recost, items)
    _finish(recost)
    return len(items)


def _is_alone() -> bool:
    """For the rest of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])


def _book(recost: Recost, items: Sequence[RecostItem]) -> None:
    attempts = locked_attempts({item.attempt_id for item in items})
    standing = _standing({item.entry_id for item in items})
    prices, now, boundary = segments_of(recost), db_now(), lock_boundary()
    new: list[Entry] = []
    changed: dict[UUID, Attempt] = {}
    for item in items:
        entry, attempt = standing.get(item.entry_id), attempts[item.attempt_id]
        priced = _priced(entry, attempt, prices) if entry else None
        if entry is None or priced is None or priced.amount_pico != item.after_pico:
            item.outcome = Outcome.LEFT
            continue
        at = entry.at if _is_open(entry.at, boundary) else now
        item.outcome, changed[attempt.pk] = Outcome.BOOKED, attempt
        item.correction_id = _append(new, entry, priced, recost, at)
    insert(new)
    if changed:
        post_new_totals(attempts=list(changed.values()), now=now)
    RecostItem.objects.bulk_update(items, ["outcome", "correction_id"])


def _append(new: list[Entry], entry: Entry, priced: Priced, recost: Recost, at: datetime) -> UUID:
    reason, actor = f"Recost: {recost.reason}", str(recost.decided_by)
    reversal = reversal_of(entry, at=at, reason=reason, actor=actor)
    correction = correction_of(
        entry,
        at=at,
        reason=reason,
        actor=actor,
        amount_pico=priced.amount_pico,
        lines=priced.frozen_lines(),
    )
    new += [reversal, correction]
    return correction.pk


def _standing(ids: set[UUID]) -> Mapping[UUID, Entry]:
    gone = EntryKey.objects.filter(reverses__in=ids).values_list("reverses_id", flat=True)
    return {entry.pk: entry for entry in Entry.objects.filter(pk__in=ids - set(gone))}


def _priced(entry: Entry, attempt: Attempt, segments: Iterable[Segment]) -> Priced | None:
    """By the prices that were approved, with the code that prices every call."""
    rows = next(
        segment.rows
        for segment in segments
        if segment.deployment == attempt.deployment
        and segment.since <= attempt.started_at < segment.until
    )
    try:
        return price_usage(
            counts=counts_of(entry.lines), prices=rows, tier=tier_of_lines(entry.lines)
        )
    except Unpriced:
        return None


def _is_open(at: datetime, boundary: Boundary) -> bool:
    """Whether something may still be dated to the moment of the entry that is mended."""
    return all(
        until is None or at >= until for until in (boundary.closed_until, boundary.soft_until)
    )


def _finish(recost: Recost) -> None:
    """After the last batch."""
    locked = Recost.objects.select_for_update(of=("self",)).get(pk=recost.pk)
    if locked.status == RecostStatus.APPROVED and not locked.items.filter(outcome="").exists():
        locked.status, locked.finished_at = RecostStatus.DONE, db_now()
        locked.save(update_fields=["status", "finished_at"])
