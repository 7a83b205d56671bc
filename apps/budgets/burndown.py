"""How the money of one window went, step by step."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import connection

from apps.budgets.models import Budget
from apps.budgets.windows import bounds_now
from apps.core.money import Pico

_SPENT = """
    SELECT date_trunc(%s, entry.at AT TIME ZONE %s), sum(entry.amount_pico)
    FROM budgets_window w
    JOIN budgets_holdwindow link ON link.window_id = w.id
    JOIN ledger_entry entry ON entry.attempt_id = link.hold_id
    WHERE w.budget_id = %s AND w.starts_at = %s
    GROUP BY 1
"""
_STEPS = (
    (timedelta(days=2), "hour", "%H:%M"),
    (timedelta(days=100), "day", "%d %b"),
    (timedelta(days=400), "month", "%b %Y"),
)


@dataclass(frozen=True, slots=True)
class BurnDown:
    """`spent`: sums up to the end of each step, so far; `labels` go on to the window's end."""

    labels: tuple[str, ...]
    spent: tuple[Pico, ...]


def burn_down(*, budget: Budget, now: datetime) -> BurnDown | None:
    """Of the window of now, in the budget's zone; None when it has no end."""
    starts_at, ends_at = bounds_now([budget], now)[budget.pk]
    if ends_at is None:
        return None
    zone = ZoneInfo(budget.time_zone)
    unit, form = next((u, f) for length, u, f in _STEPS if ends_at - starts_at <= length)
    spent = _spent(budget, unit, starts_at)
    labels, sums, total = [], [], 0
    for step in _steps(unit, _local(starts_at, zone), _local(ends_at, zone)):
        labels.append(step.strftime(form))
        total += spent.get(step, 0)
        if step <= _local(now, zone):
            sums.append(total)
    return BurnDown(tuple(labels), tuple(sums))


def _spent(budget: Budget, unit: str, starts_at: datetime) -> dict[datetime, Pico]:
    with connection.cursor() as cursor:
        cursor.execute(_SPENT, [unit, budget.time_zone, budget.pk, starts_at])
        return {step: int(amount) for step, amount in cursor.fetchall()}


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None)


def _steps(unit: str, start: datetime, end: datetime) -> list[datetime]:
    steps, step = [], start
    while step < end:
        steps.append(step)
        if unit == "month":
            step = (step.replace(day=1) + timedelta(days=32)).replace(day=1)
        else:
            step += timedelta(hours=1) if unit == "hour" else timedelta(days=1)
    return steps
