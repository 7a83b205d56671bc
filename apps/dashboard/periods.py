"""Which days a report is about, from the address of the page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from apps.ledger.reports import Days

LONGEST = 366  # days: more bars than that are no picture


@dataclass(frozen=True)
class Preset:
    label: str
    days: Days


class BadPeriod(ValueError):
    """The days asked for are no dates, the wrong way round, or too many. Says which."""


def days_of(*, query: Mapping[str, str], now: datetime, zone: str) -> Days:
    """`from` and `to` of the query, both included; without them, the last 30 days.

    Raises: `BadPeriod`.
    """
    today = now.astimezone(ZoneInfo(zone)).date()
    last = _date(query.get("to", ""), "to") or today
    first = _date(query.get("from", ""), "from") or last - timedelta(days=29)
    if first > last:
        raise BadPeriod(f"“From” ({first}) lies after “to” ({last}).")
    days = Days(first, last, zone)
    if days.count > LONGEST:
        raise BadPeriod(f"At most {LONGEST} days fit into one report; these are {days.count}.")
    return days


def presets(*, now: datetime, zone: str) -> list[Preset]:
    today = now.astimezone(ZoneInfo(zone)).date()
    month = today.replace(day=1)
    month_before = month - timedelta(days=1)
    return [
        Preset("Today", Days(today, today, zone)),
        Preset("7 days", last_days(7, now=now, zone=zone)),
        Preset("30 days", last_days(30, now=now, zone=zone)),
        Preset("90 days", last_days(90, now=now, zone=zone)),
        Preset("This month", Days(month, today, zone)),
        Preset("Last month", Days(month_before.replace(day=1), month_before, zone)),
    ]


def last_days(count: int, *, now: datetime, zone: str) -> Days:
    """The last `count` days, today included."""
    today = now.astimezone(ZoneInfo(zone)).date()
    return Days(today - timedelta(days=count - 1), today, zone)


def _date(text: str, name: str) -> date | None:
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise BadPeriod(f"“{name}” is no date like 2026-03-31: {text[:40]}") from error
    if not 1990 <= found.year <= 2200:
        raise BadPeriod(f"“{name}” lies outside the years 1990 to 2200: {found}")
    return found
