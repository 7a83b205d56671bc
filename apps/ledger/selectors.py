"""Reads of the ledger."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, QuerySet

from apps.core.money import Pico
from apps.ledger.call_sum_sql import DRIFT as CALL_DRIFT
from apps.ledger.models import Attempt, AttemptStatus, Entry, EntryKind, RollupCursor
from apps.ledger.models.call_sums import CALL_MEASURES
from apps.ledger.models.rollup_keys import MEASURES
from apps.ledger.months import end_of_month, start_of_month
from apps.ledger.rollup_sql import DAY_DRIFTS, MONTH_DRIFTS
from apps.ledger.types import Mismatch

_FAULTS = """
    WITH entry AS NOT MATERIALIZED (
        SELECT * FROM ledger_entry WHERE at >= %(start)s AND at < %(end)s
    )
    SELECT entry.id, 'its lines add up to another amount'
    FROM entry
    WHERE entry.kind <> 'unpriced' AND jsonb_array_length(entry.lines) > 0
      AND entry.amount_pico <> (
          SELECT sum((line->>'amount_pico')::numeric) FROM jsonb_array_elements(entry.lines) line
      )
    UNION ALL
    SELECT entry.id, 'it is not the opposite of what it reverses'
    FROM entry JOIN ledger_entry original ON original.id = entry.reverses_id
    WHERE entry.amount_pico <> -original.amount_pico
    UNION ALL
    SELECT entry.id, 'it stands beside the charge that should have replaced it'
    FROM entry
    JOIN ledger_entry charge ON charge.attempt_id = entry.attempt_id
         AND charge.kind IN ('charge', 'late_charge', 'unpriced', 'conflict')
    WHERE entry.kind = 'estimate'
      AND NOT EXISTS (SELECT FROM ledger_entry r WHERE r.reverses_id = entry.id)
    UNION ALL
    SELECT entry.id, 'its key is missing or says something else'
    FROM entry LEFT JOIN ledger_entrykey key USING (id)
    WHERE key.id IS NULL
       OR (key.attempt_id, key.reverses_id) IS DISTINCT FROM (entry.attempt_id, entry.reverses_id)
       OR key.slot <> CASE
            WHEN entry.kind IN ('charge', 'late_charge', 'unpriced', 'conflict') THEN 'charge'
            WHEN entry.kind = 'estimate' THEN 'estimate' ELSE '' END
    UNION ALL
    SELECT entry.id, 'nobody approved it as it is booked'
    FROM entry
    LEFT JOIN ledger_adjustment asked ON asked.id = entry.id AND asked.status = 'approved'
    WHERE entry.kind IN ('provider_adjustment', 'credit')
      AND (asked.kind, asked.amount_pico, asked.provider, asked.model, asked.service, asked.team,
           asked.cost_center) IS DISTINCT FROM (entry.kind, entry.amount_pico, entry.provider,
           entry.model, entry.service, entry.team, entry.cost_center)
"""
_UNBOOKED = """
    SELECT asked.id, 'it was approved, but is not booked'
    FROM ledger_adjustment asked
    WHERE asked.status = 'approved'
      AND NOT EXISTS (SELECT FROM ledger_entrykey key WHERE key.id = asked.id)
"""
# The bounds only help to find the days; three hours are more than a clock is ever turned back by.
_SUM = """
    SELECT coalesce(sum(amount_pico), 0) FROM ledger_entry
    WHERE at >= %(first)s::date::timestamp AT TIME ZONE %(zone)s - interval '3 hours'
      AND at < (%(last)s::date + 1)::timestamp AT TIME ZONE %(zone)s + interval '3 hours'
      AND (at AT TIME ZONE %(zone)s)::date BETWEEN %(first)s AND %(last)s
"""
_FIRST_AND_LAST = """
    SELECT (min(at) AT TIME ZONE %s)::date, (max(at) AT TIME ZONE %s)::date FROM ledger_entry
"""


@dataclass(frozen=True, slots=True)
class EntryFault:
    """An entry that breaks a rule of the books."""

    entry_id: UUID
    fault: str

    def __str__(self) -> str:
        return f"Entry {self.entry_id}: {self.fault}."


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Entries that wait for finance. `unknown`: estimates of calls of unknown outcome."""

    unpriced: int = 0
    conflict: int = 0
    unknown: int = 0

    @property
    def total(self) -> int:
        return self.unpriced + self.conflict + self.unknown


@dataclass(frozen=True, slots=True)
class Verified:
    """The last nightly comparison of rollups with entries."""

    at: datetime
    day: date
    differences: int


def last_verified() -> Verified | None:
    found = RollupCursor.objects.exclude(verified_at=None).first()
    if found is None or found.verified_at is None or found.verified_day is None:
        return None
    return Verified(found.verified_at, found.verified_day, found.differences)


def quarantined() -> QuerySet[Entry]:
    """What waits for finance, and stands: a month whose entries are among them cannot be closed."""
    contested = Entry.objects.filter(kind__in=(EntryKind.UNPRICED, EntryKind.CONFLICT))
    unknown = Attempt.objects.filter(status=AttemptStatus.UNKNOWN)
    estimates = Entry.objects.filter(kind=EntryKind.ESTIMATE, attempt__in=unknown)
    # Each by its own small index: with OR between them, Postgres would read the whole ledger.
    both = contested.order_by().values("pk").union(estimates.order_by().values("pk"))
    return Entry.objects.filter(pk__in=both, reversed_by=None)


def open_quarantine(*, before: datetime | None = None) -> Quarantine:
    """How many wait, of those that were booked `before` that time; without it, of all."""
    waiting = quarantined().order_by()
    if before is not None:
        waiting = waiting.filter(at__lt=before)
    counts = dict(waiting.values_list("kind").annotate(Count("pk")))
    return Quarantine(
        unpriced=counts.get(EntryKind.UNPRICED, 0),
        conflict=counts.get(EntryKind.CONFLICT, 0),
        unknown=counts.get(EntryKind.ESTIMATE, 0),
    )


def broken_entries(
    *, start: datetime | None = None, end: datetime | None = None
) -> list[EntryFault]:
    """Entries from `start` to before `end` that cannot be right: none. Reads all of them, and with
    both bounds a day in a statement: a page that asks is answered within seconds each time."""
    with connection.cursor() as cursor:
        rows: list[tuple[UUID, str]] = []
        for values in _days_of(start, end):
            cursor.execute(_FAULTS, values)
            rows += cursor.fetchall()
        cursor.execute(_UNBOOKED)
        return [EntryFault(entry_id, fault) for entry_id, fault in (*rows, *cursor.fetchall())]


def _days_of(start: datetime | None, end: datetime | None) -> Iterator[dict[str, Any]]:
    if start is None or end is None:
        yield {"start": start or "-infinity", "end": end or "infinity"}
        return
    while start < end:
        after = min(start + timedelta(days=1), end)
        yield {"start": start, "end": after}
        start = after


def booked_days(*, zone: str) -> tuple[date, date] | None:
    """The first and the last day that have entries."""
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_AND_LAST, [zone, zone])
        first, last = cursor.fetchone()
    return None if first is None else (first, last)


def booked_sum(*, first: date, last: date, zone: str) -> Pico:
    """The sum over the entries themselves; what reports say must be the same."""
    with connection.cursor() as cursor:
        cursor.execute(_SUM, {"first": first, "last": last, "zone": zone})
        return int(cursor.fetchone()[0])


def rollup_mismatches(*, first: date, last: date) -> list[Mismatch]:
    """Where the rollups of these days differ from the posted entries, and their totals and those of
    their months from the days: nowhere. Five statements for a week, five for the months, and one
    for 31 days on which calls were sent, in UTC."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT zone FROM ledger_rollupcursor")
        begun = cursor.fetchone()
        if begun is None:
            return []
        months: dict[str, Any] = {"first": start_of_month(first), "last": end_of_month(last)}
        weeks, longer = _ranges(first, last, begun[0], 7), _ranges(first, last, begun[0], 31)
        asked = [
            *((drift, MEASURES, week) for week in weeks for drift in DAY_DRIFTS),
            *((drift, MEASURES, months) for drift in MONTH_DRIFTS),
            *((CALL_DRIFT, CALL_MEASURES, days) for days in longer),
        ]
        found: list[Mismatch] = []
        for statement, measures, values in asked:
            cursor.execute(statement, values)
            for row in cursor.fetchall():
                found += _mismatches(measures, *row)
    return found


def _ranges(first: date, last: date, zone: str, length: int) -> Iterator[dict[str, Any]]:
    """Of so many days each."""
    while first <= last:
        end = min(first + timedelta(days=length - 1), last)
        yield {"first": first, "last": end, "zone": zone}
        first = end + timedelta(days=1)


def _mismatches(
    measures: tuple[str, ...], period: date, what: str, *sums: Any
) -> Iterator[Mismatch]:
    """Of one row: every measure as it is kept, then every one as computed."""
    kept, computed = sums[: len(measures)], sums[len(measures) :]
    for name, is_, should in zip(measures, kept, computed, strict=True):
        if is_ != should:
            where = f"{name} of {what} in the rollup of {period}"
            yield Mismatch(where, int(is_), int(should))
