"""Rolling periods: the last N hours or days at any moment, in steps. Pure.

What is used is kept in buckets, a 48th of the period each. A bucket counts until its end has left
the period, so that a call counts at least for the whole period, and at most one step longer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.budgets.windows import LIFETIME_START, HasPeriod
from apps.core.money import Pico

STEPS = 48
_UNITS = {"hours": timedelta(hours=1), "days": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Used:
    """What a bucket holds."""

    starts_at: datetime
    posted: Pico
    held: Pico


def length_of(period: str, length: int) -> timedelta | None:
    """How long a rolling period is; None for the others. A day is 24 hours."""
    unit = _UNITS.get(period)
    return unit * length if unit else None


def bucket_of(at: datetime, length: timedelta) -> datetime:
    """Start of the bucket that holds `at`; buckets tile time from 1970 on."""
    return _tile(at, length / STEPS)


def counted_since(now: datetime, length: timedelta) -> datetime:
    """Start of the oldest bucket that still counts."""
    return bucket_of(now - length, length)


def stretch_of(now: datetime, length: timedelta) -> datetime:
    """Start of the stretch of time, as long as the period, that holds `now`."""
    return _tile(now, length)


def roomy_at(used: Sequence[Used], needed: Pico, length: timedelta) -> datetime | None:
    """When buckets with `needed` in sum will have rolled out; None when they hold less."""
    freed = 0
    for bucket in sorted(used, key=lambda bucket: bucket.starts_at):
        freed += bucket.posted + bucket.held
        if freed >= needed:
            return bucket.starts_at + length / STEPS + length
    return None


def is_rolling(budget: HasPeriod) -> bool:
    return budget.period in _UNITS


def _tile(at: datetime, size: timedelta) -> datetime:
    return at - (at - LIFETIME_START) % size
