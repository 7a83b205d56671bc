"""What a day's attempts were like is what a look at each of them says, in every zone and at every
moment: summed or not, ended late, or told otherwise afterwards."""

from bisect import bisect_right
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.ledger.attempts import attempt_mismatches, calls_by_day, sum_days
from apps.ledger.latencies import BOUNDS, ERROR, quantile
from apps.ledger.models import Attempt, AttemptCursor, DayAttempts
from apps.ledger.posting import rebuild_all, rebuild_days
from apps.ledger.reports import Days
from apps.ledger.verifying import verify_books
from tests.ledger.books import empty, writers
from tests.proof import examples

pytestmark = pytest.mark.django_db(transaction=True)

SPRING = [datetime(2026, 3, 28, 22, tzinfo=UTC), datetime(2026, 3, 29, 21, tzinfo=UTC)]
BERLIN = "Europe/Berlin"
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
MAY = Days(date(2026, 5, 1), date(2026, 5, 31), "UTC")

took = st.integers(-5, 10**8).map(lambda ms: timedelta(milliseconds=ms))
attempts = st.lists(
    st.tuples(
        st.sampled_from(SPRING),
        st.integers(0, 240),
        st.sampled_from(["dispatched", "succeeded", "failed", "unknown"]),
        took,
    ),
    max_size=6,
)


def started(at: datetime = NOON) -> Attempt:
    slugs = {"service": "s", "team": "t", "cost_center": "c", "provider": "p", "model": "m"}
    made: Attempt = Attempt.objects.create(started_at=at, number=1, deployment="d", **slugs)
    return made


def ended(attempt: Attempt, status: str = "succeeded", after: timedelta = timedelta(seconds=1)):
    """As the ledger does: with its transaction, and possibly again."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ledger_attempt SET status = %s, ended_at = %s, xid = pg_current_xact_id()"
            " WHERE id = %s",
            [status, attempt.started_at + after, attempt.pk],
        )


def made(rows: Any) -> list[Attempt]:
    found = []
    for at, minutes, status, after in rows:
        found.append(started(at + timedelta(minutes=minutes)))
        if status != "dispatched":
            ended(found[-1], status, after)
    return found


def looked_at(days: Days) -> dict[date, tuple[int, int, dict[int, int]]]:
    """The sums, by looking at each attempt."""
    sums: dict[date, Any] = {}
    for one in Attempt.objects.exclude(status="dispatched"):
        day = one.started_at.astimezone(ZoneInfo(days.zone)).date()
        n, failed, times = sums.get(day, (0, 0, Counter()))
        if one.status == "succeeded":
            times[bisect_right(BOUNDS, one.ended_at - one.started_at)] += 1
        sums[day] = (n + 1, failed + (one.status != "succeeded"), times)
    return {day: sums[day] for day in sorted(sums) if days.first <= day <= days.last}


def read(days: Days) -> dict[date, tuple[int, int, dict[int, int]]]:
    return {row.day: (row.attempts, row.failed, dict(row.took)) for row in calls_by_day(days=days)}


@settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    summed=attempts,
    late=st.lists(st.sampled_from(["succeeded", "failed", "unknown"]), max_size=6),
    more=attempts,
    zone=st.sampled_from(["UTC", BERLIN, "Asia/Kathmandu", "Africa/Cairo"]),
    asked=st.sampled_from(["", "UTC", BERLIN]),
    batch=st.integers(1, 3),
)
def test_every_day_is_the_sum_of_its_attempts(
    transactional_db, summed, late, more, zone, asked, batch
):
    empty()
    days = Days(date(2026, 3, 28), date(2026, 3, 31), asked or zone)
    found = made(summed)
    sum_days(zone=zone, batch=batch)
    assert read(days) == looked_at(days)
    for attempt, status in zip(found, late, strict=False):
        ended(attempt, status, timedelta(minutes=3))
    made(more)
    assert read(days) == looked_at(days)
    sum_days(zone=zone, batch=batch)
    assert read(days) == looked_at(days)
    assert attempt_mismatches(days=Days(days.first, days.last, zone)) == []


def test_what_commits_late_is_read_at_once_and_summed_later(transactional_db):
    empty()
    ended(started())
    slow = started()
    with writers(1) as (other,):
        other.execute(
            "UPDATE ledger_attempt SET status = 'failed', ended_at = started_at,"
            " xid = pg_current_xact_id() WHERE id = %s",
            [slow.pk],
        )
        sum_days(zone="UTC")
        assert read(MAY)[NOON.date()][:2] == (1, 0)
        other.commit()
    assert DayAttempts.objects.get(day=NOON.date()).attempts == 1
    assert read(MAY)[NOON.date()][:2] == (2, 1)
    sum_days(zone="UTC")
    assert DayAttempts.objects.get(day=NOON.date()).attempts == 2


def test_today_has_no_sum(transactional_db):
    empty()
    now = datetime.now(UTC)
    ended(started(now))
    sum_days(zone="UTC")
    today = Days(now.date(), now.date() + timedelta(days=1), "UTC")
    assert not DayAttempts.objects.exists()
    assert [row[0] for row in read(today).values()] == [1]


def test_another_zone_or_cluster_begins_anew(transactional_db):
    empty()
    ended(started(datetime(2026, 5, 4, 23, tzinfo=UTC)))
    sum_days(zone="UTC")
    sum_days(zone=BERLIN)
    assert DayAttempts.objects.get(attempts=1).day == date(2026, 5, 5)
    DayAttempts.objects.update(attempts=9)
    AttemptCursor.objects.update(xid=9_000_000_000_000)
    assert [row[0] for row in read(Days(MAY.first, MAY.last, BERLIN)).values()] == [1]
    sum_days(zone=BERLIN)
    assert DayAttempts.objects.get(day=date(2026, 5, 5)).attempts == 1


def test_what_was_tampered_with_is_found_and_mended(transactional_db):
    empty()
    ended(started(), after=timedelta(milliseconds=1))
    sum_days(zone="UTC")
    wrong = {"attempts": 2, "failed": 1, "took": {"1": 1, "40": 3}}

    DayAttempts.objects.filter(day=NOON.date()).update(**wrong)
    assert [str(mismatch) for mismatch in attempt_mismatches(days=MAY)] == [
        "attempts of 2026-05-04 that ended: 2 recorded, 1 computed.",
        "attempts of 2026-05-04 that failed: 1 recorded, 0 computed.",
        "attempts of 2026-05-04 in bucket 40 of times: 3 recorded, 0 computed.",
    ]
    assert len(verify_books(zone="UTC", first=MAY.first, last=MAY.last)) == 3
    rebuild_days(first=MAY.first, last=MAY.last, zone="UTC")
    assert attempt_mismatches(days=MAY) == []
    DayAttempts.objects.filter(day=NOON.date()).update(**wrong)
    rebuild_all(zone="UTC")
    assert attempt_mismatches(days=MAY) == []


@given(
    times=st.lists(st.integers(1000, 10**10), min_size=1, max_size=60),
    share=st.floats(0.01, 1),
)
def test_a_quantile_is_off_by_a_bucket_at_most(times, share):
    counts = Counter(bisect_right(BOUNDS, timedelta(microseconds=us)) for us in times)
    found = quantile(counts, share)
    assert found is not None
    left = share * len(times)
    place = max(0, -(-left // 1) - 1)
    true = sorted(times)[int(min(place, len(times) - 1))]
    assert abs(found / timedelta(microseconds=true) - 1) < ERROR + 0.001


def test_nothing_has_no_quantile():
    assert quantile({}, 0.95) is None
