"""Windows of time: each period of each zone tiles time, without gap or overlap. Pure.

A window runs from local midnight to local midnight, as UTC instants; so a local day may have 23 or
25 hours, and none has to be reset.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

Bounds = Mapping[int, tuple[datetime, datetime | None]]  # budget id → its window now
LIFETIME_START = datetime(1970, 1, 1, tzinfo=UTC)


class HasPeriod(Protocol):
    """A budget, as a row or as facts."""

    @property
    def id(self) -> int: ...
    @property
    def period(self) -> str: ...
    @property
    def time_zone(self) -> str: ...


def window_bounds(*, period: str, zone: str, at: datetime) -> tuple[datetime, datetime | None]:
    """First instant (included) and end (excluded) of the window that holds `at`, in UTC.

    `period` is one of `models.Period`; a lifetime has no end. Raises `ZoneInfoNotFoundError`.
    """
    if period == "lifetime":
        return LIFETIME_START, None
    tz = ZoneInfo(zone)
    first = _first_day(period, at.astimezone(tz).date())
    # A clock that is turned back across midnight shows yesterday's date again, after today began.
    while at < _midnight(first, tz):
        first = _first_day(period, first - timedelta(days=1))
    while at >= _midnight(_next(period, first), tz):
        first = _next(period, first)
    return _midnight(first, tz), _midnight(_next(period, first), tz)


def bounds_now(budgets: Iterable[HasPeriod], now: datetime) -> Bounds:
    """The window of each budget that holds `now`."""
    kinds = {budget.id: (budget.period, budget.time_zone) for budget in budgets}
    known = {(p, z): window_bounds(period=p, zone=z, at=now) for p, z in set(kinds.values())}
    return {budget_id: known[kind] for budget_id, kind in kinds.items()}


def _midnight(day: date, tz: ZoneInfo) -> datetime:
    """The day's first instant. A midnight that the clock jumps over is the moment of the jump."""
    return datetime(day.year, day.month, day.day, tzinfo=tz).astimezone(UTC)


def _first_day(period: str, day: date) -> date:
    match period:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
        case "year":
            return date(day.year, 1, 1)
    raise ValueError(f"Unknown period {period!r}.")


def _next(period: str, first: date) -> date:
    """The first day of the period after the one that begins on `first`."""
    longest = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}[period]
    return _first_day(period, first + timedelta(days=longest))
