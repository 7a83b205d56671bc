"""Reports: what was spent, by day and by one dimension, read from the entries themselves.

A day is a day of the reporting time zone, so it may have 23 or 25 hours. Amounts, tokens and calls
are sums over entries: the days of a range add up to the range, and the groups of a dimension to
the whole. A call that was charged at two models (a fallback after a cut answer) counts at both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Aggregate, Count, DurationField, ExpressionWrapper, F, Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from apps.core.money import Pico
from apps.ledger.models import Attempt, AttemptStatus, Entry, EntryKind

DIMENSIONS = ("service", "cost_center", "team", "provider", "model", "prompt")
# One entry of these kinds for each booked attempt; the other kinds only mend earlier ones.
CALLS = (EntryKind.CHARGE, EntryKind.ESTIMATE, EntryKind.UNPRICED, EntryKind.CACHE_HIT)
FAILED = (AttemptStatus.FAILED, AttemptStatus.UNKNOWN)


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


@dataclass(frozen=True, slots=True)
class DayCalls:
    """What the attempts of one day were like."""

    day: date
    attempts: int
    failed: int
    p95: timedelta | None


class Percentile95(Aggregate):
    """Value below which 95 % lie, interpolated between neighbours."""

    template = "percentile_cont(0.95) WITHIN GROUP (ORDER BY %(expressions)s)"


def spend_by_day(*, days: Days, dimension: str) -> list[DaySpend]:
    """Spend for each day and value of `dimension` (one of `DIMENSIONS`) that has entries."""
    rows = (
        _entries(days)
        .annotate(day=TruncDate("at", tzinfo=ZoneInfo(days.zone)))
        .values("day", dimension)
        .annotate(**_sums())
        .order_by("day", dimension)
    )
    return [DaySpend(_within(row["day"], days), row[dimension], _spend(row)) for row in rows]


def spend_by_group(*, days: Days, dimension: str) -> dict[str, Spend]:
    rows = _entries(days).values(dimension).annotate(**_sums()).order_by(dimension)
    return {row[dimension]: _spend(row) for row in rows}


def total_spent(*, days: Days) -> Pico:
    """The sum of all entries of the days, without any grouping: what a report must add up to."""
    return int(_entries(days).aggregate(total=Sum("amount_pico", default=0))["total"])


def calls_by_day(*, days: Days) -> list[DayCalls]:
    rows = (
        _attempts(days)
        .annotate(day=TruncDate("started_at", tzinfo=ZoneInfo(days.zone)))
        .values("day")
        .annotate(attempts=Count("pk"), failed=Count("pk", filter=Q(status__in=FAILED)), p95=_p95())
        .order_by("day")
    )
    return [
        DayCalls(_within(row["day"], days), row["attempts"], row["failed"], row["p95"])
        for row in rows
    ]


def p95_latencies(*, ranges: Sequence[Days]) -> list[timedelta | None]:
    """The 95th percentile of the time that successful attempts took, one for each range."""
    first = min(days.bounds[0] for days in ranges)
    values = {
        f"p{n}": _p95(Q(started_at__gte=days.bounds[0], started_at__lt=days.bounds[1]))
        for n, days in enumerate(ranges)
    }
    found = Attempt.objects.filter(started_at__gte=first).aggregate(**values)
    return [found[f"p{n}"] for n in range(len(ranges))]


def _entries(days: Days) -> QuerySet[Entry]:
    start, end = days.bounds
    return Entry.objects.filter(at__gte=start, at__lt=end)


def _attempts(days: Days) -> QuerySet[Attempt]:
    start, end = days.bounds
    return Attempt.objects.filter(started_at__gte=start, started_at__lt=end)


def _sums() -> dict[str, Aggregate]:
    return {
        "calls": Count("pk", filter=Q(kind__in=CALLS)),
        "cached": Count("pk", filter=Q(kind=EntryKind.CACHE_HIT)),
        "tokens_in": Sum("input_tokens"),
        "tokens_out": Sum("output_tokens"),
        "amount": Sum("amount_pico"),
        "avoided": Sum("avoided_pico"),
    }


def _spend(row: dict[str, Any]) -> Spend:
    names = ("calls", "cached", "tokens_in", "tokens_out", "amount", "avoided")
    return Spend(*(int(row[name]) for name in names))


def _p95(when: Q | None = None) -> Percentile95:
    took = ExpressionWrapper(F("ended_at") - F("started_at"), output_field=DurationField())
    succeeded = Q(status=AttemptStatus.SUCCEEDED)
    return Percentile95(took, filter=succeeded & when if when else succeeded)


def _within(day: date, days: Days) -> date:
    """A clock turned back across midnight shows the day before once more; it stays in its range."""
    return min(max(day, days.first), days.last)
