"""Which days a question is about, and which days they are compared with."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from apps.ledger.months import end_of_month, start_of_month, start_of_next_month
from apps.ledger.reports import Days


def _last(count: int) -> Callable[[date], tuple[date, date]]:
    return lambda today: (today - timedelta(days=count - 1), today)


def _last_week(today: date) -> tuple[date, date]:
    last = today - timedelta(days=today.isoweekday())
    return last - timedelta(days=6), last


def _last_month(today: date) -> tuple[date, date]:
    last = start_of_month(today) - timedelta(days=1)
    return start_of_month(last), last


def _start_of_quarter(day: date) -> date:
    return day.replace(month=day.month - (day.month - 1) % 3, day=1)


def _last_quarter(today: date) -> tuple[date, date]:
    last = _start_of_quarter(today) - timedelta(days=1)
    return _start_of_quarter(last), last


def _twelve_months(today: date) -> tuple[date, date]:
    return start_of_next_month(today).replace(year=start_of_next_month(today).year - 1), today


# Name in addresses → label, and the first and last day as of today.
PRESETS: Mapping[str, tuple[str, Callable[[date], tuple[date, date]]]] = {
    "today": ("Today", _last(1)),
    "7d": ("7 days", _last(7)),
    "last-week": ("Last week", _last_week),
    "30d": ("30 days", _last(30)),
    "90d": ("90 days", _last(90)),
    "month": ("This month", lambda today: (start_of_month(today), today)),
    "last-month": ("Last month", _last_month),
    "quarter": ("This quarter", lambda today: (_start_of_quarter(today), today)),
    "last-quarter": ("Last quarter", _last_quarter),
    "12m": ("12 months", _twelve_months),
}


def preset(name: str, *, today: date, zone: str) -> Days:
    first, last = PRESETS[name][1](today)
    return Days(first, last, zone)


def before(days: Days) -> Days:
    """Whole months are compared with as many whole months, other ranges with as many days,
    directly before."""
    if not _is_whole_months(days):
        return days.before
    first = days.first
    for _ in range(_months(days)):
        first = start_of_month(first - timedelta(days=1))
    return Days(first, days.first - timedelta(days=1), days.zone)


def year_before(days: Days) -> Days:
    """The same dates; a 29 February becomes the 28th, and a whole month stays whole."""
    last = _a_year_less(days.last)
    if _is_whole_months(days):
        last = end_of_month(last)
    return Days(_a_year_less(days.first), last, days.zone)


def _is_whole_months(days: Days) -> bool:
    return days.first.day == 1 and days.last == end_of_month(days.last)


def _months(days: Days) -> int:
    return (days.last.year - days.first.year) * 12 + days.last.month - days.first.month + 1


def _a_year_less(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)
