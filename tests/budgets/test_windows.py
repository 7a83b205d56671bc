"""Windows tile time in every zone: no gap, no overlap, no day forgotten."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apps.budgets.models import Period
from apps.budgets.windows import ENDLESS, window_bounds

# Zones whose clocks change at or across midnight, skip whole days, or are not whole hours off.
ODD_ZONES = (
    "Africa/Cairo",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Havana",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Apia",
    "Pacific/Kwajalein",
    "UTC",
)
zones = st.one_of(st.sampled_from(ODD_ZONES), st.sampled_from(sorted(available_timezones())))
calendar = st.sampled_from([p.value for p in Period if p.value not in ENDLESS])
starts = st.fixed_dictionaries(
    {"week_start": st.integers(0, 6), "fiscal_month": st.integers(1, 12)}
)
moments = st.datetimes(datetime(1985, 1, 1), datetime(2060, 1, 1)).map(
    lambda at: at.replace(tzinfo=UTC)
)


@settings(deadline=None)
@given(period=calendar, zone=zones, at=moments, starts=starts)
@example("day", "Pacific/Apia", datetime(2011, 12, 30, 9, 59, 59, tzinfo=UTC), {})
@example("day", "Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC), {})
@example("day", "America/St_Johns", datetime(2006, 10, 29, 2, 45, tzinfo=UTC), {})
@example("day", "America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC), {})
@example("week", "America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC), {"week_start": 6})
@example("week", "Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC), {"week_start": 4})
def test_windows_tile_time(period, zone, at, starts):
    def window(at):
        return window_bounds(period=period, zone=zone, at=at, **starts)

    start, end = window(at)

    assert start <= at < end
    for inside in (start, start + (end - start) / 2, end - timedelta(microseconds=1)):
        assert window(inside) == (start, end)
    assert window(end)[0] == end
    assert window(start - timedelta(microseconds=1))[1] == start


@settings(deadline=None)
@given(zone=zones, at=moments, start=st.integers(0, 6))
def test_a_week_is_seven_local_days_from_its_first(zone, at, start):
    window = window_bounds(period="week", zone=zone, at=at, week_start=start)

    days, moment = 0, window[0]
    while moment < window[1]:
        moment = window_bounds(period="day", zone=zone, at=moment)[1]
        days += 1

    assert moment == window[1]
    # A zone that moved across the date line left a day out, or had one twice.
    assert days == 7 or zone.startswith(("Pacific/", "Kwajalein", "Asia/Manila", "Antarctica/"))


@settings(deadline=None)
@given(zone=zones, at=moments, month=st.integers(1, 12))
def test_smaller_windows_nest_in_larger_ones(zone, at, month):
    day, month, quarter, year = (
        window_bounds(period=period, zone=zone, at=at, fiscal_month=month)
        for period in ("day", "month", "quarter", "year")
    )

    assert year[0] <= quarter[0] <= month[0] <= day[0]
    assert day[1] <= month[1] <= quarter[1] <= year[1]


def bounds(period, zone, *at, **starts):
    moment = datetime(*at, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    start, end = window_bounds(period=period, zone=zone, at=moment, **starts)
    return start.isoformat()[:16], end.isoformat()[:16]


@pytest.mark.parametrize(
    ("period", "zone", "at", "expected"),
    [
        ("day", "UTC", (2028, 2, 29, 12), ("2028-02-29T00:00", "2028-03-01T00:00")),
        ("month", "UTC", (2028, 2, 29, 12), ("2028-02-01T00:00", "2028-03-01T00:00")),
        ("month", "UTC", (2026, 12, 31, 23), ("2026-12-01T00:00", "2027-01-01T00:00")),
        ("quarter", "UTC", (2026, 8, 15), ("2026-07-01T00:00", "2026-10-01T00:00")),
        ("quarter", "UTC", (2026, 12, 31), ("2026-10-01T00:00", "2027-01-01T00:00")),
        ("year", "UTC", (2028, 12, 31), ("2028-01-01T00:00", "2029-01-01T00:00")),
        ("week", "UTC", (2026, 5, 10), ("2026-05-04T00:00", "2026-05-11T00:00")),
        ("day", "Europe/Berlin", (2026, 3, 29, 12), ("2026-03-28T23:00", "2026-03-29T22:00")),
        ("day", "Europe/Berlin", (2026, 10, 25, 12), ("2026-10-24T22:00", "2026-10-25T23:00")),
        ("day", "America/Sao_Paulo", (2018, 11, 4, 12), ("2018-11-04T03:00", "2018-11-05T02:00")),
        ("month", "Asia/Kathmandu", (2026, 6, 1), ("2026-05-31T18:15", "2026-06-30T18:15")),
    ],
)
def test_known_windows(period, zone, at, expected):
    assert bounds(period, zone, *at) == expected


@pytest.mark.parametrize(
    ("period", "starts", "expected"),
    [
        ("week", {"week_start": 6}, ("2026-05-10T00:00", "2026-05-17T00:00")),
        ("week", {"week_start": 2}, ("2026-05-06T00:00", "2026-05-13T00:00")),
        ("year", {"fiscal_month": 4}, ("2026-04-01T00:00", "2027-04-01T00:00")),
        ("year", {"fiscal_month": 7}, ("2025-07-01T00:00", "2026-07-01T00:00")),
        ("quarter", {"fiscal_month": 2}, ("2026-05-01T00:00", "2026-08-01T00:00")),
        ("quarter", {"fiscal_month": 12}, ("2026-03-01T00:00", "2026-06-01T00:00")),
    ],
)
def test_weeks_and_years_begin_where_they_are_told(period, starts, expected):
    assert bounds(period, "UTC", 2026, 5, 10, **starts) == expected


def test_a_lifetime_has_one_window_without_an_end():
    now, later = datetime(2026, 1, 1, tzinfo=UTC), datetime(2056, 1, 1, tzinfo=UTC)

    first = window_bounds(period="lifetime", zone="UTC", at=now)

    assert first == window_bounds(period="lifetime", zone="Asia/Tokyo", at=later)
    assert first[1] is None


def test_an_unknown_period_is_an_error():
    with pytest.raises(ValueError, match="fortnight"):
        window_bounds(period="fortnight", zone="UTC", at=datetime(2026, 1, 1, tzinfo=UTC))
