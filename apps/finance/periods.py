"""The bars of a chart: every hour, day or month of a range, with and without costs."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from apps.finance.query import Query
from apps.ledger.months import start_of_month, start_of_next_month
from apps.ledger.reports import Days

_HALF = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Bar:
    """`key`: an hour's first instant, a day, or a month's first day."""

    key: date | datetime
    label: str


def bars_of(query: Query) -> list[Bar]:
    if query.period == "hour":
        return [Bar(hour, _clock(hour, query.days)) for hour in _hours(query.days)]
    if query.period == "month":
        return [Bar(month, f"{month:%b %Y}") for month in _months(query.days)]
    return [Bar(day, day_label(day)) for day in query.days.all]


def day_label(day: date) -> str:
    return f"{day:%-d %b}"


def _months(days: Days) -> list[date]:
    found = [start_of_month(days.first)]
    while (following := start_of_next_month(found[-1])) <= days.last:
        found.append(following)
    return found


def _hours(days: Days) -> list[datetime]:
    """As the zone's clock shows them: an hour that it shows twice is two, and where it is set by
    half an hour, the two halves are one each."""
    start, end = days.bounds
    steps = (start + _HALF * n for n in range((end - start) // _HALF))
    zone = ZoneInfo(days.zone)
    return list(dict.fromkeys(_start_of_hour(moment, zone) for moment in steps))


def _start_of_hour(moment: datetime, zone: ZoneInfo) -> datetime:
    local = moment.astimezone(zone)
    return moment - timedelta(minutes=local.minute, seconds=local.second)


def _clock(hour: datetime, days: Days) -> str:
    local = hour.astimezone(ZoneInfo(days.zone))
    return f"{local:%H:%M}" if days.count == 1 else f"{local:%-d %b %H:%M}"
