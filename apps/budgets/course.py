"""How the money of a window went and is expected to go, step by step, in the budget's own zone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

from django.db import connection

from apps.budgets.models import BudgetRaise, RaiseStatus, WindowDay
from apps.budgets.overview import Overview
from apps.core.money import Pico

HOURS = timedelta(days=2)  # windows up to it are shown by the hour
DAYS = 100  # steps of a day at most; longer ones are shown by the month
_SPENT_BY_HOUR = """
    SELECT date_trunc('hour', entry.at, 'UTC'), sum(entry.amount_pico)
    FROM budgets_window w
    JOIN budgets_holdwindow link ON link.window_id = w.id
    JOIN ledger_entry entry ON entry.attempt_id = link.hold_id
    WHERE w.budget_id = %s AND w.starts_at = %s
    GROUP BY 1
"""
_LABELS = {"hour": "%H:%M", "day": "%-d %b", "month": "%b %Y"}
_TICK = timedelta(microseconds=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Step:
    """`label`: its last day or month, or the hour at which it ends. `spent`: up to its end, None
    where it is still to come; `expected` the same by the forecast, from the step of now on.
    `ideal` spreads the limit evenly. `limit`: at its end."""

    label: str
    ends_at: datetime
    spent: Pico | None
    expected: Pico | None
    ideal: Pico | None
    limit: Pico


@dataclass(frozen=True, slots=True)
class Course:
    steps: Sequence[Step]
    now: int  # the step of now
    unit: str  # hour, day or month


def course_of(*, found: Overview, raises: Sequence[BudgetRaise], now: datetime) -> Course | None:
    """None of what rolls, and of a lifetime before anything is spent. `raises`: of its window."""
    state, zone = found.state, ZoneInfo(found.budget.time_zone)
    spent = {} if state.length else _spent(found)
    start = state.starts_at if state.ends_at else min(spent, default=None)
    if state.length or start is None:
        return None
    end = state.ends_at or _midnight(now.astimezone(zone).date() + _DAY, zone)
    unit = _unit(end - start)
    ends = list(_ends(unit, start, end, zone))
    current = next((n for n, at in enumerate(ends) if at > now), len(ends) - 1)
    actual = list(accumulate(_by_step(spent, ends)))
    expected = _expected(found, unit, ends, current)
    limits = _limits(found, raises, ends)
    steps = [
        Step(
            label=f"{(at if unit == 'hour' else at - _TICK).astimezone(zone):{_LABELS[unit]}}",
            ends_at=at,
            spent=actual[n] if n <= current else None,
            expected=expected.get(n),
            ideal=_ideal(found, at, limits[-1]),
            limit=limits[n],
        )
        for n, at in enumerate(ends)
    ]
    return Course(steps, current, unit)


def _spent(found: Overview) -> dict[datetime, Pico]:
    """Moment → what was spent in the hour or on the day that begins with it."""
    budget, state = found.budget, found.state
    if state.ends_at is not None and state.ends_at - state.starts_at <= HOURS:
        with connection.cursor() as cursor:
            cursor.execute(_SPENT_BY_HOUR, [budget.pk, state.starts_at])
            last = state.ends_at - _TICK
            return {min(at, last): int(amount) for at, amount in cursor.fetchall()}
    rows = WindowDay.objects.filter(window__budget=budget.pk, window__starts_at=state.starts_at)
    zone = ZoneInfo(budget.time_zone)
    days = dict(rows.values_list("day", "posted_pico"))
    return {max(_midnight(day, zone), state.starts_at): posted for day, posted in days.items()}


def _unit(length: timedelta) -> str:
    return "hour" if length <= HOURS else "day" if length <= timedelta(days=DAYS) else "month"


def _ends(unit: str, start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Of each step."""
    at = start
    while at < end:
        day = at.astimezone(zone).date()
        if unit == "hour":
            at += timedelta(hours=1)
        elif unit == "day":
            at = _midnight(day + _DAY, zone)
        else:
            at = _midnight((day.replace(day=1) + 32 * _DAY).replace(day=1), zone)
        yield min(at, end)


def _by_step(spent: Mapping[datetime, Pico], ends: Sequence[datetime]) -> list[Pico]:
    """The sum of each step; what lies before the first or after the last counts to that one."""
    sums = [0] * len(ends)
    moments = iter(sorted(spent))
    at = next(moments, None)
    for n, end in enumerate(ends):
        while at is not None and (at < end or n == len(ends) - 1):
            sums[n] += spent[at]
            at = next(moments, None)
    return sums


def _expected(
    found: Overview, unit: str, ends: Sequence[datetime], current: int
) -> dict[int, Pico]:
    """Step, from that of now on → spent by its end, as the forecast says."""
    state, outlook, zone = found.state, found.outlook, ZoneInfo(found.budget.time_zone)
    if outlook.total is None:
        return {}
    steps = range(current, len(ends))
    if unit == "hour":
        more, left = outlook.total - state.posted_pico, max(1, steps[-1] - current)
        return {n: state.posted_pico + more * (n - current) // left for n in steps}
    starts = {_midnight(day, zone): amount for day, amount in outlook.to_come.items()}
    return {
        n: state.posted_pico + sum(amount for at, amount in starts.items() if at < ends[n])
        for n in steps
    }


def _limits(found: Overview, raises: Sequence[BudgetRaise], ends: Sequence[datetime]) -> list[Pico]:
    """At the end of each step: today's limit, and raises from their approval to their end."""
    base = found.state.limit_pico - found.state.raised_pico
    approved = [one for one in raises if one.status == RaiseStatus.APPROVED]
    return [base + sum(one.amount_pico for one in approved if _counts(one, at)) for at in ends]


def _counts(one: BudgetRaise, at: datetime) -> bool:
    decided = one.decided_at is not None and one.decided_at < at
    return decided and (one.until is None or one.until >= at)


def _ideal(found: Overview, at: datetime, limit: Pico) -> Pico | None:
    state = found.state
    if state.ends_at is None:
        return None
    return limit * ((at - state.starts_at) // _TICK) // ((state.ends_at - state.starts_at) // _TICK)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
