"""When mail is due: in the reporting zone, across clocks that jump, once after any pause."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.finance.mailing.when import last_due, next_due
from apps.finance.models import Every, MailPlan

BERLIN = "Europe/Berlin"
MONDAY, SUNDAY = 1, 7


def weekly(weekday=MONDAY, hour=7):
    return MailPlan(every=Every.WEEK, weekday=weekday, hour=hour)


def monthly(day=1, hour=7):
    return MailPlan(every=Every.MONTH, month_day=day, hour=hour)


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("plan", "after", "due"),
    [
        (weekly(), "2026-11-27T12:00", "2026-11-30T06:00"),
        (weekly(), "2026-11-30T05:59", "2026-11-30T06:00"),
        (weekly(), "2026-11-30T06:00", "2026-12-07T06:00"),
        (monthly(), "2026-11-27T12:00", "2026-12-01T06:00"),
        (monthly(28, hour=0), "2026-01-28T12:00", "2026-02-27T23:00"),
        # the clock goes from 2 to 3 on 29 March, and shows 2 twice on 25 October
        (weekly(SUNDAY, hour=2), "2026-03-27T00:00", "2026-03-29T01:00"),
        (weekly(SUNDAY, hour=2), "2026-10-23T00:00", "2026-10-25T00:00"),
        (weekly(SUNDAY, hour=2), "2026-10-25T00:00", "2026-11-01T01:00"),
    ],
)
def test_it_is_the_next_hour_of_the_zone(plan, after, due):
    assert next_due(plan, zone=BERLIN, after=utc(after)) == utc(due)


def test_after_a_pause_only_the_newest_period_is_due():
    assert last_due(weekly(), zone=BERLIN, now=utc("2026-11-27T12:00")) == utc("2026-11-23T06:00")
    assert last_due(monthly(), zone=BERLIN, now=utc("2026-11-27T12:00")) == utc("2026-11-01T06:00")


plans = st.builds(
    MailPlan,
    every=st.sampled_from(Every.values),
    weekday=st.integers(1, 7),
    month_day=st.integers(1, 28),
    hour=st.integers(0, 23),
)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


@given(plans, moments, st.sampled_from(["UTC", BERLIN, "America/St_Johns", "Pacific/Apia"]))
def test_every_moment_lies_between_two_of_a_plan(plan, now, zone):
    last, following = last_due(plan, zone=zone, now=now), next_due(plan, zone=zone, after=now)
    assert last <= now < following
    assert next_due(plan, zone=zone, after=last) == following
    assert following - last < timedelta(days=32)
