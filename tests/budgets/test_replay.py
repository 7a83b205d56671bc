"""What a limit would have refused: the replay by sums is the one entry by entry, whatever was
booked, however far the rollups are, and whatever zones budget and rollups have."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.budgets.replay import Refused, replay
from apps.ledger.models import Entry
from tests.ledger.books import booked, empty, post_all
from tests.proof import examples

START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
CALLS = ("charge", "estimate", "unpriced", "conflict")
rows = st.lists(
    st.fixed_dictionaries(
        {
            "at": st.one_of(
                st.builds(lambda m: START + timedelta(minutes=m), st.integers(-900, 45_500)),
                # many in one hour of one day, so that the limit closes among them
                st.builds(lambda s: START + 12 * HOUR + timedelta(seconds=s), st.integers(0, 9000)),
            ),
            "kind": st.sampled_from([*CALLS, "charge", "cache_hit", "late_charge", "correction"]),
            "amount": st.integers(0, 60),
            "service": st.sampled_from(["shop", "crm"]),
            "team": st.sampled_from(["t", "u"]),
            "model": st.sampled_from(["m", "n"]),
            "tags": st.sampled_from([[], ["sale"], ["sale", "spring"]]),
        }
    ).map(lambda row: row | ({"amount": 0} if row["kind"] in ("cache_hit", "unpriced") else {})),
    max_size=14,
)


def slow(entries, limit):
    """The definition of docs/adr/0159, word by word."""
    running, closed, calls = 0, None, {}
    for entry in entries:
        if closed is None and entry.amount_pico > 0 and running + entry.amount_pico > limit:
            closed = entry
        if closed is None:
            running += entry.amount_pico
        else:
            key = entry.service, entry.model
            of_it = Refused(int(entry.kind in CALLS), entry.amount_pico)
            calls[key] = calls.get(key, Refused()) + of_it
    return running, closed and closed.at, calls


def reverse(entry, minutes):
    values = {name: getattr(entry, name) for name in ("service", "team", "model", "tags")}
    at = min(entry.at + timedelta(minutes=minutes), datetime(2026, 4, 1, 6, tzinfo=UTC))
    booked(at, -entry.amount_pico, kind="reversal", reverses_id=entry.pk, **values)


@pytest.mark.django_db(transaction=True)
@hypothesis_settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    posted=rows,
    tail=rows,
    reversed_=st.lists(st.tuples(st.integers(0, 13), st.integers(1, 40_000)), max_size=3),
    limit=st.integers(0, 300),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]),
    rollups=st.sampled_from(["UTC", "America/Havana"]),
    days=st.sampled_from([1, 2, 3, 31]),
    scope=st.sampled_from(
        [{}, {"service": "shop"}, {"team": "t", "model": "m"}, {"tag": "sale", "service": "crm"}]
    ),
)
def test_it_is_what_the_entries_one_by_one_say(
    transactional_db, settings, posted, tail, reversed_, limit, zone, rollups, days, scope
):
    settings.REPORTING_TIME_ZONE = rollups
    empty()
    made = [booked(**row) for row in posted]
    for place, minutes in {
        place: minutes for place, minutes in reversed_ if place < len(made)
    }.items():
        if made[place].amount_pico:
            reverse(made[place], minutes)
    post_all(rollups)
    for row in tail:
        booked(**row)
    start = datetime(2026, 3, 1, tzinfo=ZoneInfo(zone))
    end = start + timedelta(days=days)  # by the wall: of the zone's own length

    found = replay(
        scope=scope, starts_at=start.astimezone(UTC), ends_at=end.astimezone(UTC), limit=limit
    )

    wanted = {name: value for name, value in scope.items() if name != "tag"}
    entries = Entry.objects.filter(at__gte=start, at__lt=end, **wanted).order_by("at", "id")
    if "tag" in scope:
        entries = entries.filter(tags__contains=[scope["tag"]])
    running, closed_at, calls = slow(entries, limit)
    assert (found.spent, found.closed_at) == (running, closed_at)
    assert {key: of for key, of in found.by.items() if of != Refused()} == {
        key: of for key, of in calls.items() if of != Refused()
    }
    assert found.calls == entries.filter(kind__in=CALLS).count()
    assert found.total == sum(entry.amount_pico for entry in entries)
    assert sum(bar.spent for bar in found.bars) == found.spent
    assert sum(bar.refused for bar in found.bars) == found.refused.amount
    assert found.room == (limit - running if closed_at else 0)
    for _, groups in (("service", found.by_service()), ("model", found.by_model())):
        assert sum((refused for _, refused in groups), Refused()) == found.refused


@pytest.fixture
def month(transactional_db):
    """Ten a day at noon, on the tenth a dear call before it, and what an invoice differs by."""
    empty()
    for day in range(1, 32):
        booked(datetime(2026, 3, day, 12, tzinfo=UTC), 10, service="shop" if day % 2 else "crm")
    booked(datetime(2026, 3, 10, 11, tzinfo=UTC), 500, service="batch", model="n")
    with connection.cursor() as cursor:  # without the request that an adjustment needs
        cursor.execute("SET session_replication_role = replica")
        booked(datetime(2026, 3, 2, 9, tzinfo=UTC), 7, kind="provider_adjustment")
        cursor.execute("SET session_replication_role = origin")
    post_all()


def over(limit, scope=None):
    return replay(scope=scope or {}, starts_at=START, ends_at=END, limit=limit)


@pytest.mark.usefixtures("month")
def test_it_closes_at_the_first_call_that_does_not_fit_and_stays_closed():
    found = over(100)

    assert found.closed_at == datetime(2026, 3, 10, 11, tzinfo=UTC)
    assert (found.spent, found.room) == (90, 10)  # ten more would have fit, and are refused
    assert found.refused == Refused(23, 500 + 22 * 10)
    assert found.by_service() == [
        ("batch", Refused(1, 500)),
        ("crm", Refused(11, 110)),
        ("shop", Refused(11, 110)),
    ]
    assert found.total == 810  # without what no call cost


@pytest.mark.usefixtures("month")
def test_a_higher_limit_never_refuses_more():
    refused = [over(limit).refused.amount for limit in range(0, 900, 30)]

    assert refused == sorted(refused, reverse=True)
    assert (refused[0], refused[-1]) == (810, 0)


@pytest.mark.usefixtures("month")
def test_what_fits_is_read_from_sums_alone():
    with CaptureQueriesContext(connection) as queries:
        assert over(1000).closed_at is None
    assert len(queries) == 1
    with CaptureQueriesContext(connection) as queries:
        over(100)
    assert len(queries) == 3  # days, the hours of one, the entries of one of these
