"""Days of the reports."""

from datetime import UTC, date, datetime

import pytest

from apps.dashboard.periods import BadPeriod, days_of, presets
from apps.ledger.reports import Days, spend_by_day, total_spent
from tests.finance.conftest import NOW, booked


@pytest.mark.parametrize(
    ("zone", "expected"),
    [("UTC", {28: 1, 29: 2}), ("Europe/Berlin", {29: 3}), ("America/New_York", {28: 1, 29: 2})],
)
def test_days_are_days_of_the_zone(db: None, zone: str, expected: dict[int, int]) -> None:
    booked("shop", datetime(2026, 3, 28, 23, 30, tzinfo=UTC), 1)
    booked("shop", datetime(2026, 3, 29, 21, 30, tzinfo=UTC), 2)
    days = Days(date(2026, 3, 1), date(2026, 3, 31), zone)
    found = {
        row.day.day: row.spend.amount_pico for row in spend_by_day(days=days, dimension="team")
    }
    assert found == expected


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu"])
def test_the_days_add_up_to_the_range_across_clock_changes(db: None, zone: str) -> None:
    for month, day in ((3, 28), (3, 29), (10, 24), (10, 25)):
        for hour in range(24):
            booked("shop", datetime(2026, month, day, hour, 30, tzinfo=UTC), 3**hour)
    days = Days(date(2026, 3, 27), date(2026, 10, 27), zone)
    single = [total_spent(days=Days(day, day, zone)) for day in days.all]
    assert sum(single) == total_spent(days=days) == 4 * sum(3**hour for hour in range(24))
    by_day = spend_by_day(days=days, dimension="service")
    assert [row.spend.amount_pico for row in by_day] == [amount for amount in single if amount]


def test_without_dates_it_is_the_last_thirty_days() -> None:
    days = days_of(query={}, now=NOW, zone="Pacific/Auckland")
    assert (days.first, days.last) == (date(2026, 3, 1), date(2026, 3, 30))


def test_presets_end_today_or_with_a_month() -> None:
    found = {preset.label: preset.days for preset in presets(now=NOW, zone="UTC")}
    assert found["This month"] == Days(date(2026, 3, 1), date(2026, 3, 29), "UTC")
    assert found["Last month"] == Days(date(2026, 2, 1), date(2026, 2, 28), "UTC")
    assert found["7 days"].count == 7


def test_a_year_is_the_longest_period() -> None:
    query = {"from": "2025-01-01", "to": "2026-01-01"}
    assert days_of(query=query, now=NOW, zone="UTC").count == 366
    with pytest.raises(BadPeriod):
        days_of(query=query | {"to": "2026-01-02"}, now=NOW, zone="UTC")
