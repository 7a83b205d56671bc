"""What a month will have cost: each day to come as the same weekdays of the last four weeks were.

It knows weekdays and nothing else, so it follows growth late and a month's end not at all. How far
off it was is measured on the same costs: the same number of days, foretold from earlier days.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from apps.core.money import Pico
from apps.finance.query import Query
from apps.finance.selectors import COST, cost_rows
from apps.ledger.months import end_of_month, start_of_month
from apps.ledger.reports import Days

BASE = 28  # days that a forecast is made from
FEWEST = 7  # days; with fewer it would be a guess
BACK_TESTS = 8
HISTORY = BASE + 31 + 7 * BACK_TESTS  # days before today that are read

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of the month that today is in. `to_come`: the rest of today, and each day after it. `error`:
    by how much `tests` earlier forecasts of as many days were off, on average, as a share of what
    these days came to; None when there are too few days to tell."""

    booked: Pico
    to_come: Mapping[date, Pico]
    error: float | None
    tests: int

    @property
    def total(self) -> Pico:
        return self.booked + sum(self.to_come.values())


def month_forecast(*, query: Query, today: date) -> Forecast | None:
    """Of the costs that the query filters; None when there is too little to go by."""
    days = Days(today - _DAY * HISTORY, today, query.days.zone)
    rows = cost_rows(query=query, keys=("day",), days=days, measures=COST)
    return forecast(by_day={row.keys[0]: row.sums.amount_pico for row in rows}, today=today)  # type: ignore[misc]


def forecast(*, by_day: Mapping[date, Pico], today: date) -> Forecast | None:
    """`by_day`: what was booked on each day, today among them; days without are left out."""
    booked_days = [day for day in by_day if day < today]
    if not booked_days or (today - min(booked_days)).days < FEWEST:
        return None
    known = _filled(by_day, min(booked_days), today - _DAY)
    ahead = _days(today, end_of_month(today))
    expected = foretold(known=known, days=ahead)
    so_far = by_day.get(today, 0)
    to_come = expected | {today: max(0, expected[today] - so_far)}
    booked = sum(amount for day, amount in by_day.items() if day >= start_of_month(today))
    error, tests = back_test(known=known, ahead=len(ahead))
    return Forecast(booked, to_come, error, tests)


def foretold(*, known: Mapping[date, Pico], days: Sequence[date]) -> dict[date, Pico]:
    """The mean of the same weekdays among the last `BASE` days that are `known` before the first
    of `days`; of all of them, where there is no such weekday."""
    recent = [day for day in _days(days[0] - _DAY * BASE, days[0] - _DAY) if day in known]
    return {day: _mean(known, _same_weekday(day, recent) or recent) for day in days}


def back_test(*, known: Mapping[date, Pico], ahead: int) -> tuple[float | None, int]:
    """Forecasts of `ahead` days, from as many weeks ago as there are days for: the sum of their
    errors by the sum of what came, and how many they were."""
    last, errors, came, tests = max(known), 0, 0, 0
    for week in range(BACK_TESTS):
        until = last - _DAY * 7 * week
        days = _days(until - _DAY * (ahead - 1), until)
        if days[0] - _DAY * BASE < min(known):
            break
        actual = sum(known[day] for day in days)
        errors += abs(sum(foretold(known=known, days=days).values()) - actual)
        came += actual
        tests += 1
    return (errors / came if came > 0 else None), tests


def _filled(by_day: Mapping[date, Pico], first: date, last: date) -> dict[date, Pico]:
    return {day: by_day.get(day, 0) for day in _days(first, last)}


def _days(first: date, last: date) -> list[date]:
    return [first + _DAY * n for n in range((last - first).days + 1)]


def _same_weekday(day: date, among: Iterable[date]) -> list[date]:
    return [other for other in among if other.weekday() == day.weekday()]


def _mean(known: Mapping[date, Pico], days: Sequence[date]) -> Pico:
    """To the next pico-dollar; costs that are foretold are never negative."""
    total = sum(known[day] for day in days)
    return max(0, (2 * total + len(days)) // (2 * len(days)))
