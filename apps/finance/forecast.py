"""What a month will have cost, by `apps.ledger.forecasting`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from apps.core.money import Pico
from apps.finance.query import Query
from apps.finance.selectors import COST, cost_rows
from apps.ledger.forecasting import (
    BACK_TESTS,
    BASE,
    FEWEST,
    back_test,
    days_between,
    filled,
    foretold,
)
from apps.ledger.months import end_of_month, start_of_month
from apps.ledger.reports import Days

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
    known = filled(by_day, min(booked_days), today - _DAY)
    ahead = days_between(today, end_of_month(today))
    expected = foretold(known=known, days=ahead)
    so_far = by_day.get(today, 0)
    to_come = expected | {today: max(0, expected[today] - so_far)}
    booked = sum(amount for day, amount in by_day.items() if day >= start_of_month(today))
    error, tests = back_test(known=known, ahead=len(ahead))
    return Forecast(booked, to_come, error, tests)
