"""What a window will have spent at its end, and when its money runs out. Pure.

Each day to come is taken as the same weekdays of the last four weeks were
(`apps.ledger.forecasting`), the rest of today as its share of such a day. Where that says nothing
(less than a week of costs, or a window of a day) the pace so far goes on to the window's end, from
a twentieth of it on; where nothing was spent there is no pace.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from apps.budgets.types import BudgetState
from apps.core.money import Pico
from apps.ledger.forecasting import BASE, FEWEST, back_test, days_between, filled, foretold

MIN_SHARE = 20  # a pace rests on at least 1/20 of the window
SHORT = timedelta(days=2)  # a window that weekdays say nothing about
FURTHEST = timedelta(days=366)  # how far a window without an end is looked ahead
_DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)

Method = Literal["weekdays", "pace", ""]


@dataclass(frozen=True, slots=True)
class Outlook:
    """`total`: spent at the window's end, None where there is none or nothing can be said.
    `to_come`: the rest of today and each day after it. `runs_out`: the day on which what was spent
    reaches the limit; None: not in this window (of one without an end: not within a year)."""

    method: Method = ""
    total: Pico | None = None
    to_come: Mapping[date, Pico] = field(default_factory=dict)
    runs_out: date | None = None


def outlook(*, state: BudgetState, zone: str, known: Mapping[date, Pico], now: datetime) -> Outlook:
    """`known`: what calls that it counts cost on days before today, also before it was made; days
    without are left out. Nothing is said of what rolls: money comes back there all the time."""
    today = now.astimezone(ZoneInfo(zone)).date()
    if state.length is not None:
        return Outlook()
    method, to_come = _expected(state, zone, _before(known, today), now)
    if state.posted_pico >= state.limit_pico:
        runs_out: date | None = today
    else:
        runs_out = _reached(state.limit_pico - state.posted_pico, to_come)
    if not method:
        return Outlook(runs_out=runs_out if state.posted_pico else None)
    total = state.posted_pico + sum(to_come.values()) if state.ends_at else None
    return Outlook(method, total, to_come, runs_out)


def first_day_needed(now: datetime) -> date:
    """The oldest day that a forecast rests on, in whatever zone."""
    return now.date() - _DAY * (BASE + 1)


def accuracy(*, known: Mapping[date, Pico], today: date, ahead: int) -> tuple[float | None, int]:
    """By how much earlier forecasts by weekdays of `ahead` days were off, as a share of what came,
    and how many they were (`back_test`)."""
    before = _before(known, today)
    return back_test(known=before, ahead=ahead) if before else (None, 0)


def pace(*, posted: Pico, starts_at: datetime, ends_at: datetime, now: datetime) -> Pico | None:
    """What will be spent by the window's end at the pace so far; None while that says nothing."""
    passed, whole = now - starts_at, ends_at - starts_at
    if passed * MIN_SHARE < whole or now >= ends_at:
        return None
    return posted * (whole // _TICK) // (passed // _TICK)


def _expected(
    state: BudgetState, zone: str, before: Mapping[date, Pico], now: datetime
) -> tuple[Method, Mapping[date, Pico]]:
    days = _days_left(state, zone, now)
    is_short = state.ends_at is not None and state.ends_at - state.starts_at <= SHORT
    if len(before) >= FEWEST and not is_short:
        expected = foretold(known=before, days=days)
        return "weekdays", expected | {days[0]: _rest_of(days[0], expected[days[0]], zone, now)}
    if state.ends_at is None or not state.posted_pico:
        return "", {}
    total = pace(
        posted=state.posted_pico, starts_at=state.starts_at, ends_at=state.ends_at, now=now
    )
    return ("", {}) if total is None else ("pace", _spread(total - state.posted_pico, days))


def _days_left(state: BudgetState, zone: str, now: datetime) -> list[date]:
    today = now.astimezone(ZoneInfo(zone)).date()
    ends_at = state.ends_at or now + FURTHEST
    return days_between(today, max(today, (ends_at - _TICK).astimezone(ZoneInfo(zone)).date()))


def _before(known: Mapping[date, Pico], today: date) -> Mapping[date, Pico]:
    """Every day from the first with costs to yesterday."""
    days = [day for day in known if day < today]
    return filled(known, min(days), today - _DAY) if days else {}


def _rest_of(day: date, amount: Pico, zone: str, now: datetime) -> Pico:
    """The share of the day that is still to come, by its own length."""
    start, end = (
        datetime(one.year, one.month, one.day, tzinfo=ZoneInfo(zone)).timestamp()
        for one in (day, day + _DAY)
    )
    left, whole = int(end - now.timestamp()), int(end - start)
    return amount * max(0, min(left, whole)) // whole


def _spread(amount: Pico, days: list[date]) -> dict[date, Pico]:
    """Evenly, whatever the time of today: the sum is exact."""
    share, rest = divmod(amount, len(days))
    return {day: share + (n < rest) for n, day in enumerate(days)}


def _reached(left: Pico, to_come: Mapping[date, Pico]) -> date | None:
    """The first day whose sum reaches what is left."""
    for day in sorted(to_come):
        left -= to_come[day]
        if left <= 0:
            return day
    return None
