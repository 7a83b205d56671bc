"""What days saved is what their entries say, at every moment: summed or not, booked late, priced
otherwise since."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.finance.models import SavedCursor, SavedDay, SavedSum
from apps.finance.query import Query
from apps.finance.saved import savings
from apps.finance.saved_days import FOLLOWER, known_days, sum_saved_days
from apps.finance.saved_prices import price_book
from apps.ledger.reports import Days
from apps.registry.models import Price
from tests.factories import make_deployment
from tests.finance.conftest import signed_in
from tests.finance.test_savings import BEGIN, MIDDLE, called, price
from tests.jobs.workers import eventually
from tests.ledger.books import INSERT, empty, writers
from tests.proof import examples

pytestmark = pytest.mark.django_db(transaction=True)

AT = datetime(2026, 3, 5, 12, tzinfo=UTC)
NOW = datetime(2026, 4, 2, tzinfo=UTC)
ZONES = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Africa/Cairo"]
GROUPS = ["service", "model", "prompt_version", "channel", "tag:project", "tag:other"]


@pytest.fixture
def deployment(transactional_db):
    """At prices that no block divides evenly, which double in the middle of March."""
    empty()
    made = make_deployment(slug="d")
    for tier, divisor in (("default", 1), ("batch", 2)):
        for name, pico in (("in_uncached", 1001), ("in_cache_read", 101)):
            price(made, name, pico // divisor, end=MIDDLE, service_tier=tier, per_block=7)
            price(made, name, 2 * pico // divisor, begin=MIDDLE, service_tier=tier, per_block=7)
    return made


def march(zone: str = "UTC", **values: Any) -> Query:
    return Query(days=Days(date(2026, 3, 1), date(2026, 3, 31), zone), **values)


def forget() -> None:
    """So that all is read from the entries."""
    for model in (SavedDay, SavedSum, SavedCursor):
        model.objects.all().delete()


def kept(query: Query) -> set[date]:
    return set(known_days(days=query.days, book=price_book(query.days)).kept)


def sum_until(*days: date, zone: str = "UTC") -> None:
    """Until these are kept: transactions of the whole cluster, as the housekeeping's, may be waited
    for."""

    def are_kept() -> bool:
        sum_saved_days(zone=zone, now=NOW)
        return kept(march(zone)).issuperset(days)

    eventually(are_kept)


CALLS = st.lists(
    st.tuples(
        st.sampled_from(["default", "batch"]),
        st.datetimes(datetime(2026, 3, 27), datetime(2026, 3, 31, 23)),
        st.sampled_from([["project:a"], ["project:b", "other:c"], []]),
        st.integers(0, 999),
        st.integers(1, 999),
    ),
    max_size=6,
)


@settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    summed=CALLS,
    late=CALLS,
    zone=st.sampled_from(ZONES),
    group=st.sampled_from(GROUPS),
    filters=st.sampled_from([(), (("tag:project", ("a", "")),), (("channel", ("",)),)]),
)
def test_kept_or_read_it_is_the_same(deployment, summed, late, zone, group, filters):
    empty()
    forget()
    query = march(zone, group_by=(group,), filters=filters)

    def book(calls):
        for tier, at, tags, plain, cached in calls:
            at = at.replace(tzinfo=UTC)
            called(deployment, at, tier, tags=tags, in_uncached=plain, in_cache_read=cached)

    book(summed)
    sum_saved_days(zone=zone, now=NOW)
    book(late)
    found = savings(query=query)
    called_on = {at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date() for _, at, *_ in summed}
    sum_until(*called_on - {date(2026, 4, 1)}, zone=zone)
    again = savings(query=query)
    forget()
    assert found == again == savings(query=query)


def test_a_day_that_is_kept_is_not_read_again(deployment):
    called(deployment, AT, in_cache_read=7)
    sum_until(AT.date())
    with connection.execute_wrapper(no_lines):
        assert savings(query=march(filters=(("service", ("shop",)),))).total.provider_cache == 900


def no_lines(execute, sql, params, many, context):
    assert "jsonb_array_elements(lines)" not in sql, params
    return execute(sql, params, many, context)


def test_what_is_booked_late_is_read_at_once_and_summed_later(deployment):
    called(deployment, AT, in_cache_read=7)
    with writers(1) as (other,):
        other.execute(INSERT, (AT, 1, "shop"))
        sum_until(AT.date())
        assert AT.date() in kept(march())
        other.commit()
    assert AT.date() not in kept(march())
    sum_until(AT.date())
    assert AT.date() in kept(march())
    called(deployment, AT, in_cache_read=7)
    assert AT.date() not in kept(march())
    assert savings(query=march()).total.provider_cache == 1800
    sum_until(AT.date())
    assert AT.date() in kept(march())
    assert savings(query=march()).total.provider_cache == 1800


def test_a_price_that_begins_or_ends_concerns_its_days_alone(deployment):
    other = make_deployment(slug="other")
    called(deployment, AT, in_cache_read=7)
    sum_until(AT.date())
    whole = kept(march())
    assert len(whole) == 27  # from the 5th, the first entry's
    price(other, "in_uncached", 1, begin=datetime(2026, 3, 20, 12, tzinfo=UTC))
    assert kept(march()) == {day for day in whole if day.day < 20}
    sum_until(*whole)
    row = Price.objects.get(deployment=other)
    row.valid = (row.valid.lower, datetime(2026, 3, 25, tzinfo=UTC))
    row.save()
    assert kept(march()) == {day for day in whole if day.day < 25}


def test_a_price_that_was_missing_is_found_when_it_is_there(deployment):
    call = called(deployment, AT, in_cache_read=7, instead_of="late")
    sum_until(AT.date())
    assert savings(query=march()).total.unknown == 7
    price(make_deployment(slug="late"), "in_uncached", 2000, begin=BEGIN)
    found = savings(query=march()).total
    assert (found.unknown, found.cheaper_route) == (0, 7 * 2000 - 1001)
    assert found.total + call.amount_pico == 7 * 2000


def test_another_zone_begins_anew(deployment):
    called(deployment, datetime(2026, 3, 5, 23, 30, tzinfo=UTC), in_cache_read=7)
    sum_saved_days(zone="UTC", now=NOW)
    assert kept(march("Europe/Berlin")) == set()
    sum_saved_days(zone="Europe/Berlin", now=NOW)
    assert kept(march()) == set()
    assert SavedSum.objects.get().day == date(2026, 3, 6)


def test_today_is_not_over(deployment):
    called(deployment, AT, in_cache_read=7)
    sum_saved_days(zone="UTC", now=AT + timedelta(hours=2))
    assert not SavedDay.objects.exists()
    assert savings(query=march()).total.provider_cache == 900


def test_a_long_range_is_cut_until_its_days_are_summed(deployment, client):
    signed_in(client, "finance")
    called(deployment, AT, in_cache_read=7)
    called(deployment, AT - timedelta(days=60), in_cache_read=7)
    address = "/admin/costs/savings/?from=2025-06-01&to=2026-03-31"
    cut = client.get(address)
    assert (cut.status_code, cut.context["found"].total.provider_cache) == (400, 900)
    assert "At most 31 days" in cut.content.decode()
    sum_saved_days(zone="UTC", now=NOW)
    whole = client.get(address)
    assert (whole.status_code, whole.context["found"].total.provider_cache) == (200, 1800)


def test_days_to_come_are_nothing_to_read(deployment, client):
    signed_in(client, "finance")
    called(deployment, AT, in_cache_read=7)
    sum_saved_days(zone="UTC", now=NOW)
    page = client.get("/admin/costs/savings/?from=2026-01-01&to=2026-12-31")
    assert (page.status_code, page.context["found"].total.provider_cache) == (200, 900)


def test_a_length_of_input_with_another_price_at_another_time_rounds_nothing(deployment):
    """Sums of a day are of one moment's prices, whatever days are summed or asked for with it."""
    dear, other = make_deployment(slug="dear"), make_deployment(slug="other")
    price(dear, "in_uncached", 1000, per_block=7)
    price(other, "in_uncached", 1, end=BEGIN + timedelta(days=9), min_input_tokens=10)
    called(deployment, BEGIN, in_cache_read=7)
    for tokens in (3, 5, 11, 12, 15):
        called(deployment, AT, in_cache_read=tokens, instead_of="dear")
    read = savings(query=march())
    sum_saved_days(zone="UTC", now=NOW)
    assert AT.date() in kept(march())
    assert savings(query=march()) == read


def test_of_two_workers_one_sums(deployment):
    called(deployment, AT, in_cache_read=7)
    with writers(1) as (other,):
        other.execute("SELECT pg_advisory_xact_lock(%s)", [FOLLOWER.lock])
        assert sum_saved_days(zone="UTC", now=NOW) == 0
        other.rollback()
    assert sum_saved_days(zone="UTC", now=NOW) == 28
