"""Windows of time: each period of each zone tiles time, without gap or overlap. Pure.

A window runs from local midnight to local midnight, as UTC instants; so a local day may have 23 or
25 hours, and none has to be reset. Lifetime and rolling budgets have one window for all time.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

Bounds = Mapping[int, tuple[datetime, datetime | None]]  # budget id → its window now
LIFETIME_START = datetime(1970, 1, 1, tzinfo=UTC)
ENDLESS = ("lifetime", "hours", "days")


class HasPeriod(Protocol):
    """A budget, as a row or as facts."""

    @property
    def id(self) -> int: ...
    @property
    def period(self) -> str: ...
    @property
    def length(self) -> int: ...
    @property
    def week_start(self) -> int: ...
    @property
    def fiscal_month(self) -> int: ...
    @property
    def time_zone(self) -> str: ...


def window_bounds(
    *, period: str, zone: str, at: datetime, week_start: int = 0, fiscal_month: int = 1
) -> tuple[datetime, datetime | None]:
    """First instant (included) and end (excluded) of the window that holds `at`, in UTC.

    `period` is one of `models.Period`; a lifetime and what rolls have no end. Weeks begin on
    `week_start` (0: Monday), years and quarters with `fiscal_month`.
    Raises `ZoneInfoNotFoundError`.
    """
    if period in ENDLESS:
        return LIFETIME_START, None
    tz = ZoneInfo(zone)
    calendar = _Calendar(period, week_start, fiscal_month)
    first = calendar.first_day(at.astimezone(tz).date())
    # A clock that is turned back across midnight shows yesterday's date again, after today began.
    while at < _midnight(first, tz):
        first = calendar.first_day(first - timedelta(days=1))
    while at >= _midnight(calendar.next(first), tz):
        first = calendar.next(first)
    return _midnight(first, tz), _midnight(calendar.next(first), tz)


def bounds_now(budgets: Iterable[HasPeriod], now: datetime) -> Bounds:
    """The window of each budget that holds `now`."""
    kinds = {b.id: (b.period, b.time_zone, b.week_start, b.fiscal_month) for b in budgets}
    known = {
        (p, z, w, m): window_bounds(period=p, zone=z, at=now, week_start=w, fiscal_month=m)
        for p, z, w, m in set(kinds.values())
    }
    return {budget_id: known[kind] for budget_id, kind in kinds.items()}


class _Calendar:
    def __init__(self, period: str, week_start: int, fiscal_month: int) -> None:
        self._period = period
        self._week_start = week_start
        self._fiscal_month = fiscal_month

    def first_day(self, day: date) -> date:
        """Of the period that holds `day`."""
        match self._period:
            case "day":
                return day
            case "week":
                return day - timedelta(days=(day.weekday() - self._week_start) % 7)
            case "month":
                return day.replace(day=1)
            case "quarter":
                return self._months_back(day, (day.month - self._fiscal_month) % 3)
            case "year":
                return self._months_back(day, (day.month - self._fiscal_month) % 12)
        raise ValueError(f"Unknown period {self._period!r}.")

    def next(self, first: date) -> date:
        """The first day of the period after the one that begins on `first`."""
        longest = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}[self._period]
        return self.first_day(first + timedelta(days=longest))

    def _months_back(self, day: date, months: int) -> date:
        """The first day of the month so many months before."""
        year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
        return date(year, month + 1, 1)


def _midnight(day: date, tz: ZoneInfo) -> datetime:
    """The day's first instant. A midnight that the clock jumps over is the moment of the jump."""
    return datetime(day.year, day.month, day.day, tzinfo=tz).astimezone(UTC)
