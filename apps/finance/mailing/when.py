"""When a plan's mail is due. Pure.

An hour that a clock skips is due when the clock goes on; one that it shows twice, the first time.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from apps.finance.models import Every, MailPlan

_DAY = timedelta(days=1)
_LONGEST = 32  # days between two dates of the same plan, and one


def next_due(plan: MailPlan, *, zone: str, after: datetime) -> datetime:
    """The first moment after `after`."""
    start = after.astimezone(ZoneInfo(zone)).date() - _DAY
    days = (start + _DAY * n for n in range(_LONGEST + 1))
    return next(moment for moment in _moments(plan, days, zone) if moment > after)


def last_due(plan: MailPlan, *, zone: str, now: datetime) -> datetime:
    """The last moment until `now`: what is due after any pause is the newest period only."""
    start = now.astimezone(ZoneInfo(zone)).date() + _DAY
    days = (start - _DAY * n for n in range(_LONGEST + 1))
    return next(moment for moment in _moments(plan, days, zone) if moment <= now)


def _moments(plan: MailPlan, days: Iterator[date], zone: str) -> Iterator[datetime]:
    at = time(plan.hour, tzinfo=ZoneInfo(zone))
    return (datetime.combine(day, at).astimezone(UTC) for day in days if _is_day(plan, day))


def _is_day(plan: MailPlan, day: date) -> bool:
    if plan.every == Every.WEEK:
        return day.isoweekday() == plan.weekday
    return day.day == plan.month_day
