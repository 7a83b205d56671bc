"""Reports over rollups are what a sum over all entries is, in every zone and at every moment."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.ledger import following
from apps.ledger.models import DayCost, MonthCost, RollupCursor
from apps.ledger.posting import post_entries, rebuild_all, rebuild_days
from apps.ledger.reports import (
    CALLS,
    DIMENSIONS,
    Days,
    Spend,
    spend_by_day,
    spend_by_group,
    spend_by_month,
    total_spent,
)
from apps.ledger.selectors import rollup_mismatches
from tests.ledger.books import NOON, booked, empty, post_all, writers
from tests.proof import examples

pytestmark = pytest.mark.django_db(transaction=True)

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Africa/Cairo",
)
YEAR = Days(date(2025, 12, 1), date(2027, 1, 31), "UTC")
# Around clock changes, ends of months and the end of the year.
CORNERS = [
    datetime(2026, 3, 29, 0, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    datetime(2026, 4, 30, 22, 0, tzinfo=UTC),
    datetime(2026, 12, 31, 23, 30, tzinfo=UTC),
    datetime(2026, 2, 28, 18, 15, tzinfo=UTC),
]
moments = st.builds(
    lambda corner, minutes: corner + timedelta(minutes=minutes),
    st.sampled_from(CORNERS),
    st.integers(-2000, 2000),
)
kinds = st.sampled_from(["charge", "estimate", "unpriced", "correction", "late_charge"])
entries = st.lists(
    st.fixed_dictionaries(
        {
            "at": moments,
            "amount": st.integers(-(10**18), 10**18),
            "kind": kinds,
            "service": st.sampled_from(["shop", "crm"]),
            "prompt": st.sampled_from(["", "reply"]),
            "prompt_version": st.integers(0, 1),
            "purpose": st.sampled_from(["", "answer", "retry"]),
            "input_tokens": st.integers(-(10**6), 10**6),
        }
    ),
    max_size=8,
)


def spend_of(row):
    return Spend(
        calls=int(row["kind"] in CALLS),
        input_tokens=row["input_tokens"],
        amount_pico=row["amount"],
    )


def sums(rows, key):
    found = Counter()
    for row in rows:
        found[key(row)] = (found[key(row)] or Spend()) + spend_of(row)
    return dict(found)


@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    posted=entries,
    more=entries,
    tail=entries,
    zone=st.sampled_from(ZONES),
    asked=st.sampled_from(ZONES),
    dimension=st.sampled_from(DIMENSIONS),
    first=st.dates(date(2026, 2, 1), date(2026, 11, 1)),
    length=st.integers(0, 360),
    batch=st.integers(1, 5),
)
def test_every_report_is_the_sum_of_its_entries(
    transactional_db, posted, more, tail, zone, asked, dimension, first, length, batch
):
    empty()
    for rows in (posted, more):
        for row in rows:
            booked(**row)
        assert post_all(zone, batch=batch) == len(rows)
    for row in tail:
        booked(**row)
    days = Days(first, first + timedelta(days=length), asked)

    def day(row):
        return row["at"].astimezone(ZoneInfo(asked)).date()

    def group(row):
        return row.get(
            dimension, {"cost_center": "c", "provider": "p"}.get(dimension, dimension[0])
        )

    inside = [r for r in posted + more + tail if days.first <= day(r) <= days.last]

    by_day = {(r.day, r.group): r.spend for r in spend_by_day(days=days, dimension=dimension)}
    assert by_day == sums(inside, lambda r: (day(r), group(r)))
    by_month = {(r.day, r.group): r.spend for r in spend_by_month(days=days, dimension=dimension)}
    assert by_month == sums(inside, lambda r: (day(r).replace(day=1), group(r)))
    assert spend_by_group(days=days, dimension=dimension) == sums(inside, group)
    assert total_spent(days=days) == sum(row["amount"] for row in inside)
    assert rollup_mismatches(first=date(2025, 1, 1), last=date(2027, 12, 31)) == []


def test_a_horizon_that_falls_back_posts_nothing_twice(transactional_db, monkeypatch):
    """As when a transaction of another database is known as such, and a moment later is not."""
    empty()
    with writers(1) as (other,):
        other.execute("SELECT pg_current_xact_id()")
        booked(amount=5)
        with monkeypatch.context() as patched:
            patched.setattr(
                following, "HORIZON", "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
            )
            assert post_entries(zone="UTC") == 1
        assert post_entries(zone="UTC") == 0
    assert post_all() == 0
    assert rollup_mismatches(first=date(2025, 1, 1), last=date(2027, 12, 31)) == []


def test_posting_again_adds_nothing(transactional_db):
    booked(amount=7)

    assert [post_all() for _ in range(3)] == [1, 0, 0]
    assert [int(row.amount_pico) for row in DayCost.objects.all()] == [7]
    assert [int(row.amount_pico) for row in MonthCost.objects.all()] == [7]


def test_a_sum_may_exceed_64_bits(transactional_db):
    for _ in range(12):
        booked(amount=9 * 10**18)
    post_all(batch=3)

    assert total_spent(days=YEAR) == 108 * 10**18


def test_a_cursor_of_another_zone_begins_anew(transactional_db):
    booked(datetime(2026, 5, 4, 23, tzinfo=UTC), 3)
    post_all()

    assert post_all("Europe/Berlin") == 1

    assert [row.day for row in DayCost.objects.all()] == [date(2026, 5, 5)]
    assert RollupCursor.objects.get().zone == "Europe/Berlin"


def test_a_restored_dump_is_noticed_and_adopted(transactional_db):
    """Its cursor and its entries have numbers that this cluster has not reached."""
    with connection.cursor() as cursor:
        booked(amount=3)
        post_entries(zone="UTC")
        cursor.execute("UPDATE ledger_rollupcursor SET xid = '9000000000000'")
        booked(amount=4)  # a new entry, below the cursor

        assert total_spent(days=YEAR) == 7
        assert post_all() == 2
        cursor.execute("ALTER TABLE ledger_entry ALTER xid TYPE xid8 USING '9000000000000'")

    rebuild_all(zone="UTC")
    assert (total_spent(days=YEAR), DayCost.objects.count()) == (7, 0)
    assert rebuild_all(zone="UTC", after_restore=True) == 2
    assert (total_spent(days=YEAR), DayCost.objects.count()) == (7, 1)
    booked(amount=5)
    assert post_all() == 1
    assert total_spent(days=YEAR) == 12


def test_what_was_tampered_with_is_found_and_mended(transactional_db):
    for day in range(3):
        booked(NOON + timedelta(days=day), 5)
    post_all()
    DayCost.objects.filter(day=date(2026, 5, 5)).update(amount_pico=6)
    MonthCost.objects.update(input_tokens=9)
    DayCost.objects.filter(day=date(2026, 5, 6)).delete()
    may = {"first": date(2026, 5, 1), "last": date(2026, 5, 31)}

    found = [str(mismatch) for mismatch in rollup_mismatches(**may)]

    assert found == [
        "amount_pico of shop, m, charge in the rollup of 2026-05-05: 6 recorded, 5 computed.",
        "entries of shop, m, charge in the rollup of 2026-05-06: 0 recorded, 1 computed.",
        "amount_pico of shop, m, charge in the rollup of 2026-05-06: 0 recorded, 5 computed.",
        "entries of shop, m, charge in the rollup of 2026-05-01: 3 recorded, 2 computed.",
        "input_tokens of shop, m, charge in the rollup of 2026-05-01: 9 recorded, 0 computed.",
        "amount_pico of shop, m, charge in the rollup of 2026-05-01: 15 recorded, 11 computed.",
    ]
    rebuild_days(**may, zone="UTC")
    assert rollup_mismatches(**may) == []


def test_a_rebuild_changes_nothing_that_is_right(transactional_db):
    for day in range(40):
        booked(NOON + timedelta(days=day), day)
    post_all()
    booked(amount=100)

    def everything():
        return [
            sorted(model.objects.values_list(period, "entries", "amount_pico"))
            for model, period in ((DayCost, "day"), (MonthCost, "month"))
        ]

    before = everything()
    for _ in range(2):
        rebuild_days(first=date(2026, 5, 10), last=date(2026, 6, 2), zone="UTC")
        assert everything() == before
    assert rebuild_all(zone="UTC") == 41
    assert rollup_mismatches(first=date(2026, 5, 1), last=date(2026, 6, 30)) == []
    assert total_spent(days=YEAR) == sum(range(40)) + 100


@pytest.mark.parametrize("size", [1, 30])
def test_a_report_is_one_query(transactional_db, django_assert_num_queries, size):
    for n in range(size):
        booked(NOON + timedelta(days=n), 1, service=f"s{n}")
    post_all()
    booked()
    with django_assert_num_queries(4):
        spend_by_day(days=YEAR, dimension="service")
        spend_by_month(days=YEAR, dimension="service")
        spend_by_group(days=YEAR, dimension="service")
        total_spent(days=YEAR)


@pytest.mark.parametrize("size", [1, 30])
def test_a_batch_is_a_fixed_number_of_queries(transactional_db, django_assert_num_queries, size):
    post_entries(zone="UTC")
    for n in range(size):
        booked(NOON + timedelta(days=n), 1, service=f"s{n}")
    with django_assert_num_queries(8):  # begin, lock, cursor, horizon, next, post, move, commit
        post_entries(zone="UTC")
