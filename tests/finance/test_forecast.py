"""A month's forecast is its booked part and the weekdays to come, with how far off it was."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.money import PICO
from apps.finance.forecast import forecast, month_forecast
from apps.finance.query import Query
from apps.ledger.forecasting import FEWEST, back_test, foretold
from apps.ledger.reports import Days
from tests.finance.conftest import booked

TODAY = date(2026, 11, 18)  # a Wednesday
DAY = timedelta(days=1)


def past(count, amount=lambda day: 10 * PICO):
    return {TODAY - DAY * n: amount(TODAY - DAY * n) for n in range(1, count + 1)}


def test_the_days_to_come_are_like_their_weekdays():
    by_weekday = past(100, lambda day: (day.weekday() + 1) * PICO)
    found = forecast(by_day=by_weekday | {TODAY: PICO}, today=TODAY)
    assert found.to_come == {
        date(2026, 11, day): (date(2026, 11, day).weekday() + 1) * PICO for day in range(19, 31)
    } | {TODAY: 2 * PICO}  # three are usual on a Wednesday, one is booked
    booked_days = sum(amount for day, amount in by_weekday.items() if day.month == 11) + PICO
    assert (found.booked, found.error, found.tests) == (booked_days, 0, 8)
    assert found.total == booked_days + sum(found.to_come.values())


def test_a_dear_today_is_not_taken_back():
    found = forecast(by_day=past(30) | {TODAY: 50 * PICO}, today=TODAY)
    assert found.to_come[TODAY] == 0


def test_only_four_weeks_count():
    old = {day: 1000 * PICO for day in past(100) if day < TODAY - DAY * 28}
    found = forecast(by_day=past(28) | old, today=TODAY)
    assert set(found.to_come.values()) == {10 * PICO}


@pytest.mark.parametrize("days", [0, 1, FEWEST - 1])
def test_too_little_is_no_forecast(days):
    assert forecast(by_day=past(days) | {TODAY: 5}, today=TODAY) is None


def test_a_week_is_enough_but_its_error_is_unknown():
    found = forecast(by_day=past(FEWEST), today=TODAY)
    assert (found.error, found.tests) == (None, 0)
    assert set(found.to_come.values()) == {10 * PICO}


def test_days_without_costs_cost_nothing():
    sparse = {TODAY - DAY * 28: 28 * PICO}
    assert sum(forecast(by_day=sparse, today=TODAY).to_come.values()) == 2 * 7 * PICO


def test_the_error_is_what_was_off_by_what_came():
    """Twice as much since a week: the forecast of that week was half of it."""
    known = past(28 + 7 + 7)
    known |= {day: 20 * PICO for day in known if day >= TODAY - DAY * 7}
    error, tests = back_test(known=known, ahead=7)
    assert (error, tests) == (70 / (140 + 70), 2)


@given(st.dictionaries(st.integers(1, 120), st.integers(-(10**20), 10**20)))
def test_any_history_has_a_forecast_that_is_never_negative(amounts):
    found = forecast(by_day={TODAY - DAY * n: a for n, a in amounts.items()}, today=TODAY)
    if found is not None:
        assert min(found.to_come.values()) >= 0
        assert max(found.to_come) == date(2026, 11, 30)


def test_a_missing_weekday_is_the_mean_of_all():
    known = {TODAY - DAY: 4, TODAY - 2 * DAY: 8}
    assert foretold(known=known, days=[TODAY]) == {TODAY: 6}


@pytest.mark.django_db
def test_it_is_of_what_is_filtered():
    for n in range(1, 30):
        at = datetime.combine(TODAY - DAY * n, datetime.min.time(), UTC)
        booked("shop", at, 10)
        booked("crm", at, 10**9)
    days = Days(TODAY, TODAY, "UTC")
    query = Query(days=days, filters=(("service", ("shop",)),))
    found = month_forecast(query=query, today=TODAY)
    assert (found.booked, found.total) == (170, 300)
