"""Days of a window add up to it, whatever is settled when, and in the zone of its budget."""

from datetime import UTC, date, datetime, timedelta
from importlib import import_module

import pytest
from django.db import connection

from apps.budgets.models import WindowDay
from apps.budgets.selectors import verify_windows
from apps.budgets.services import settle_all
from apps.budgets.types import Resolution
from tests.budgets import clients
from tests.budgets.conftest import NOW, held, make_budget

pytestmark = pytest.mark.django_db
MIGRATION = "apps.budgets.migrations.0004_days_refusals_recipients"


def days():
    return dict(WindowDay.objects.values_list("day", "posted_pico"))


def settle(hold_id, amount, now):
    settle_all(resolutions=[Resolution(hold_id, amount)], now=now)


def test_a_day_is_one_of_the_budgets_zone():
    make_budget(time_zone="Asia/Tokyo", limit_pico=1000)
    evening = datetime(2026, 5, 4, 16, tzinfo=UTC)  # 5 May, 1:00

    settle(held(100, now=NOW), 60, NOW)
    settle(held(100, now=evening), 30, evening)
    settle(held(100, now=evening), 0, evening)

    assert days() == {date(2026, 5, 4): 60, date(2026, 5, 5): 30}


def test_what_comes_after_the_end_counts_to_the_last_day():
    make_budget(limit_pico=1000)
    late = held(100, now=NOW)

    settle(late, 70, NOW + timedelta(days=40))
    settle(late, 50, NOW + timedelta(days=41))

    assert days() == {date(2026, 5, 31): 50}


def test_windows_that_are_older_than_their_days_get_them(db):
    """The migration's statement, on what real calls left."""
    for period, zone in (("month", "UTC"), ("day", "Asia/Tokyo"), ("lifetime", "UTC")):
        make_budget(f"all-{period}", 10**6, period=period, time_zone=zone)
    for number in range(5):
        clients.end(clients.hold("shop").id, 60 + number)
    before = days()
    WindowDay.objects.all().delete()
    assert verify_windows() != []

    with connection.cursor() as cursor:
        cursor.execute(import_module(MIGRATION)._FILL)

    assert (days(), verify_windows()) == (before, [])
