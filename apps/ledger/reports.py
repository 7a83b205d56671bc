"""Reports: what was spent, by day or month and by one dimension.

A day is a day of the reporting time zone, so it may have 23 or 25 hours. Amounts, tokens and calls
are sums over entries: the days of a range add up to the range, and the groups of a dimension to
the whole. A call that was charged at two models (a fallback after a cut answer) counts at both.

Each report is one statement over rollups and the entries that they do not hold yet, so it is
exact and current whenever the rollups were moved. In a zone other than theirs it reads the entries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from apps.core.money import Pico
from apps.ledger import report_sql
from apps.ledger.models import EntryKind
from apps.ledger.months import start_of_month, start_of_next_month

DIMENSIONS = ("service", "cost_center", "team", "provider", "model", "prompt", "purpose")
# One entry of these kinds for each booked attempt; the other kinds only mend earlier ones.
CALLS = (
    EntryKind.CHARGE,
    EntryKind.ESTIMATE,
    EntryKind.UNPRICED,
    EntryKind.CONFLICT,
    EntryKind.CACHE_HIT,
)
_MARGIN = timedelta(days=1)  # a clock turned back across midnight


@dataclass(frozen=True, slots=True)
class Days:
    """Days from `first` to `last`, both included, of one time zone."""

    first: date
    last: date
    zone: str

    @property
    def count(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def all(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range(self.count)]

    @property
    def before(self) -> "Days":
        """As many days, directly before."""
        return Days(self.first - timedelta(days=self.count), self.first - timedelta(1), self.zone)

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """First instant, and the first instant after the last day, in UTC."""
        return self._midnight(self.first), self._midnight(self.last + timedelta(days=1))

    def _midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.zone)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Spend:
    """Sums over entries."""

    calls: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    amount_pico: Pico = 0
    avoided_pico: Pico = 0

    def __add__(self, other: "Spend") -> "Spend":
        return Spend(*(a + b for a, b in zip(self._values, other._values, strict=True)))

    @property
    def _values(self) -> tuple[int, ...]:
        return (
            self.calls,
            self.cached,
            self.input_tokens,
            self.output_tokens,
            self.amount_pico,
            self.avoided_pico,
        )


@dataclass(frozen=True, slots=True)
class DaySpend:
    day: date
    group: str
    spend: Spend


def spend_by_day(*, days: Days, dimension: str) -> list[DaySpend]:
    """Spend for each day and value of `dimension` (one of `DIMENSIONS`) that has entries."""
    rows = run_report(report_sql.by("day", "name", dimension=dimension), days, months=False)
    return [DaySpend(day, group, _spend(sums)) for day, group, *sums in rows]


def spend_by_month(*, days: Days, dimension: str) -> list[DaySpend]:
    """The same for each month, as far as it lies in the range; `day` is the month's first."""
    rows = run_report(report_sql.by("month", "name", dimension=dimension), days)
    return [DaySpend(day, group, _spend(sums)) for day, group, *sums in rows]


def spend_by_group(*, days: Days, dimension: str) -> dict[str, Spend]:
    rows = run_report(report_sql.by("name", dimension=dimension), days)
    return {group: _spend(sums) for group, *sums in rows}


def providers_with_costs(*, days: Days) -> set[str]:
    """Also those whose charges and credits came to nothing; empty: of no provider."""
    return {name for (name,) in run_report(report_sql.PAID, days)}


def total_spent(*, days: Days) -> Pico:
    """The sum of the days without any grouping: what a report must add up to."""
    (row,) = run_report(report_sql.TOTAL, days)
    return int(row[0])


def run_report(
    statement: str, days: Days, more: Mapping[str, Any] | None = None, *, months: bool = True
) -> list[tuple[Any, ...]]:
    """Whole months are read from the rollup of months, the rest from that of days."""
    first, after = _whole_months(days) if months else (days.first, days.first)
    start, end = days.bounds
    values: dict[str, Any] = {
        "zone": days.zone,
        "first": days.first,
        "last": days.last,
        "at_first": start - _MARGIN,
        "at_after": end + _MARGIN,
        "month_first": first,
        "month_after": after,
        "calls": list(CALLS),
        "hit": EntryKind.CACHE_HIT,
        **(more or {}),
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def _whole_months(days: Days) -> tuple[date, date]:
    """The first day of the first whole month, and the first day after the last one."""
    first = days.first if days.first.day == 1 else start_of_next_month(days.first)
    after = start_of_month(days.last + timedelta(days=1))
    return (first, after) if first < after else (days.first, days.first)


def _spend(sums: Sequence[Any]) -> Spend:
    return Spend(*map(int, sums))
