"""Days on which a group cost unusually much or little: against the same weekdays of eight weeks.

What is expected is the median of these weekdays, raised by as much as the last two weeks lie above
theirs; what is usual is how far the days of the eight weeks lie from the medians of their own
weekdays, as the median of these distances (MAD). Medians forgive single odd days, so yesterday's
outlier makes today's no less odd. A day is unusual when it lies `FACTOR` scaled MADs from what was
expected, and by a fifth of that and by a minimum amount: the last two keep out what is odd, but not
worth anybody's time. How often this is wrong was measured (docs/costs.md).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt
from statistics import median
from typing import NamedTuple

from apps.core.money import Pico
from apps.finance.query import Query
from apps.finance.selectors import COST, cost_rows
from apps.ledger.reports import Days

WINDOW = 56  # days that a day is compared with
FEWEST = 28  # of them, or it is not judged
RECENT = 14  # of them, whole weeks, which say the level of today
FACTOR = 5
SCALE = 1.4826  # makes the MAD of a normal distribution its standard deviation
SHARE = 0.2
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Anomaly:
    """`score`: scaled MADs from what was expected; None where all days before were alike."""

    day: date
    value: str
    amount: Pico
    expected: Pico
    score: float | None

    @property
    def difference(self) -> Pico:
        return self.amount - self.expected


def anomalies(*, query: Query, today: date, at_least: Pico) -> list[Anomaly]:
    """Of the range's days, for each group of the first dimension; most money first. Today is not
    over, so it is only ever too much."""
    days = query.days
    read = Days(days.first - _DAY * WINDOW, min(days.last, today), days.zone)
    groups: dict[str, dict[date, Pico]] = {}
    keys = ("day", query.group_by[0])
    for row in cost_rows(query=query, keys=keys, days=read, measures=COST):
        day, value = row.keys
        groups.setdefault(str(value), {})[day] = row.sums.amount_pico  # type: ignore[index]
    found = [
        one
        for value, by_day in groups.items()
        for one in unusual(value=value, by_day=by_day, days=_of(days, today), at_least=at_least)
        if one.day < today or one.difference > 0
    ]
    return sorted(found, key=lambda one: (-abs(one.difference), one.day, one.value))


def unusual(
    *, value: str, by_day: Mapping[date, Pico], days: Sequence[date], at_least: Pico
) -> Iterator[Anomaly]:
    """The unusual ones of `days`. A group begins on its first day with costs; from then on, a day
    without any cost nothing."""
    first = min(by_day)
    weekdays = _Weekdays(first, by_day)
    for day in days:
        if (day - first).days >= FEWEST:
            found = _judged(value, day, by_day.get(day, 0), weekdays.before(day), at_least)
            if found is not None:
                yield found


class _Weekday(NamedTuple):
    """The same weekday of up to eight weeks: what it cost, newest first, the median, and how far
    each lies from it."""

    amounts: list[Pico]
    usual: Pico
    distances: list[float]


class _Weekdays:
    """Of a group, from its first day on. From one day to the next only one weekday gets a new week,
    so what was found of the others is kept."""

    def __init__(self, first: date, by_day: Mapping[date, Pico]) -> None:
        # by number: a page asks for ten thousands of days
        self._first = first.toordinal()
        self._amounts = {day.toordinal(): amount for day, amount in by_day.items()}
        self._kept: dict[int, _Weekday] = {}

    def before(self, day: date) -> list[_Weekday]:
        """All seven, yesterday's first."""
        number = day.toordinal()
        return [self._ending(number - n) for n in range(1, 8)]

    def _ending(self, newest: int) -> _Weekday:
        if newest not in self._kept:
            weeks = range(newest, max(newest - WINDOW, self._first - 1), -7)
            amounts = [self._amounts.get(day, 0) for day in weeks]
            usual = _median(amounts)
            distances = [_distance(amount, usual) for amount in amounts]
            self._kept[newest] = _Weekday(amounts, usual, distances)
        return self._kept[newest]


def _judged(
    value: str, day: date, amount: Pico, before: Sequence[_Weekday], at_least: Pico
) -> Anomaly | None:
    """None: nothing unusual."""
    recent = [(a, one.usual) for one in before for a in one.amounts[: RECENT // 7]]
    expected = int(before[-1].usual * _level(recent))
    if not _is_much(abs(amount - expected), expected, at_least):
        return None
    spread = SCALE * median([distance for one in before for distance in one.distances])
    score = _distance(amount, expected) / spread if spread else None
    is_far = score is None or score >= FACTOR
    return Anomaly(day, value, amount, expected, score) if is_far else None


def _distance(amount: Pico, usual: Pico) -> float:
    """Between roots: a busy day varies more than a quiet one, but less than it costs more."""
    return abs(sqrt(max(amount, 0)) - sqrt(max(usual, 0)))


def _level(pairs: Sequence[tuple[Pico, Pico]]) -> float:
    """By how much the last days are above the usual ones, as growth would have it."""
    return median([amount / usual for amount, usual in pairs if usual > 0] or [1.0])


def _is_much(difference: Pico, expected: Pico, at_least: Pico) -> bool:
    return difference >= at_least and difference > SHARE * abs(expected)


def _median(values: Sequence[Pico]) -> Pico:
    return int(median(values))


def _of(days: Days, today: date) -> list[date]:
    return [day for day in days.all if day <= today]
