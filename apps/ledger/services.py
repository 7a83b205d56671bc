"""Writes of the ledger. Every function runs inside the caller's transaction and takes the same
number of queries whatever the size of its batch.

Locks are taken in one order everywhere: attempts, budget windows, holds; each by id.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.core.money import Pico
from apps.core.rows import insert
from apps.ledger.booking import AskedAttempts, Book, ask_attempts
from apps.ledger.entries import correction_of, reversal_of
from apps.ledger.models import Attempt, AttemptStatus, Entry, EntryKind
from apps.ledger.types import AttemptEnd, AttemptStart, Booked, CacheHit

__all__ = [
    "NotReversible",
    "ask_attempts",
    "book_cache_hits",
    "close_attempts",
    "correct_entry",
    "open_attempts",
    "resolve_orphans",
    "reverse_entry",
]


class NotReversible(Exception):
    """The entry was reversed before, or is a reversal itself. Permanent."""


def open_attempts(*, starts: Sequence[AttemptStart], now: datetime) -> None:
    """Record attempts as dispatched. Commit before a byte is sent; the same id again is no news."""
    insert(
        [
            Attempt(
                id=start.id,
                request_id=start.request_id,
                job_id=start.job_id,
                number=start.number,
                purpose=start.purpose,
                why=start.why[:200],
                instead_of=start.instead_of,
                saved_tokens=start.saved_tokens,
                started_at=now,
                due_at=start.due_at,
                **start.dimensions.columns(),
            )
            for start in starts
        ],
        ignore_conflicts=True,
    )


def close_attempts(
    *, ends: Sequence[AttemptEnd], now: datetime, asked: AskedAttempts | None = None
) -> list[Booked]:
    """Resolve attempts and book what they cost; one result for each end, in order.

    An attempt ends once. A second end changes nothing (`already`), except that the truth replaces
    an outcome that was unknown: its estimate is reversed and the real cost booked as late charge.
    Usage without a price is booked as `unpriced` at 0, for finance to price (as `estimate` at 0
    while the outcome is unknown); usage that contradicts itself as `conflict` at the bound that it
    carries, for finance to resolve.
    `asked`: the attempts, when `ask_attempts` has sent for them already.

    Raises: `Attempt.DoesNotExist` for an attempt that was never opened.
    """
    book = Book.of(asked or ask_attempts({end.attempt_id for end in ends}), now)
    booked = [book.close(end) for end in ends]
    book.write()
    return booked


def resolve_orphans(*, attempts: Mapping[UUID, Pico], now: datetime) -> list[UUID]:
    """Attempts whose worker died: outcome unknown, the given amount booked as an estimate.

    Those that were resolved meanwhile are left alone. Returns the ids that it resolved.
    """
    book = Book.locked(attempt_ids=list(attempts), now=now)
    orphans = [id_ for id_ in attempts if book.status(id_) == AttemptStatus.DISPATCHED]
    for id_ in orphans:
        book.abandon(id_, attempts[id_])
    book.write()
    return orphans


def book_cache_hits(*, hits: Sequence[CacheHit], now: datetime) -> None:
    """Book calls that cost nothing because the response cache had the answer."""
    insert(
        [
            Entry(
                at=now,
                kind=EntryKind.CACHE_HIT,
                amount_pico=0,
                avoided_pico=hit.avoided_pico,
                input_tokens=hit.input_tokens,
                output_tokens=hit.output_tokens,
                request_id=hit.request_id,
                job_id=hit.job_id,
                **hit.dimensions.columns(),
            )
            for hit in hits
        ]
    )


def reverse_entry(*, entry: Entry, reason: str, actor: str, now: datetime) -> Entry:
    """Book the opposite of `entry`. The caller then hands the attempt's new total to the budgets.

    Raises: `NotReversible`. Of two that reverse an entry without attempt at the same moment, one
    gets the database's `IntegrityError` instead.
    """
    # The attempt stands for its entries: the processes have no right to lock rows of the ledger.
    if entry.attempt_id is not None:
        Attempt.objects.select_for_update(no_key=True).get(pk=entry.attempt_id)
    if entry.kind == EntryKind.REVERSAL or Entry.objects.filter(reverses=entry).exists():
        raise NotReversible(f"Entry {entry.pk} cannot be reversed (again).")
    reversal = reversal_of(entry, at=now, reason=reason, actor=actor)
    reversal.save(force_insert=True)
    return reversal


def correct_entry(
    *,
    entry: Entry,
    amount_pico: Pico,
    lines: Sequence[Mapping[str, Any]],
    reason: str,
    actor: str,
    now: datetime,
    tokens: Mapping[str, int] | None = None,
) -> tuple[Entry, Entry]:
    """Replace `entry` by one over `amount_pico`: a reversal and a correction, both new lines.

    `tokens`: the entry's columns of tokens that change; none without it.
    Raises: `NotReversible`.
    """
    reversal = reverse_entry(entry=entry, reason=reason, actor=actor, now=now)
    correction = correction_of(
        entry,
        at=now,
        reason=reason,
        actor=actor,
        amount_pico=amount_pico,
        lines=[dict(line) for line in lines],
        **(tokens or {}),
    )
    correction.save(force_insert=True)
    return reversal, correction
