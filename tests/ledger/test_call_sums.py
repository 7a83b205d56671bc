"""Sums of calls, by the days on which these were sent and ended, are what the entries say: while
none is posted, while some are, and when all are."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib import import_module

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from apps.core.ids import uuid7
from apps.ledger.adjusting import approve_adjustment, request_adjustment
from apps.ledger.models import CallSum, Entry
from apps.ledger.posting import rebuild_all, rebuild_days
from apps.ledger.selectors import rollup_mismatches
from apps.ledger.services import (
    book_cache_hits,
    close_attempts,
    correct_entry,
    open_attempts,
    resolve_orphans,
)
from apps.ledger.types import AttemptStart, CacheHit
from tests.ledger.books import booked, empty, post_all, write, writers
from tests.ledger.call_days import are_right, told
from tests.ledger.conftest import SHOP, end_of, usage

pytestmark = pytest.mark.django_db(transaction=True)
OURS = SHOP.provider
MIDNIGHT = datetime(2026, 5, 5, tzinfo=UTC)
MAY = {"first": date(2026, 5, 1), "last": date(2026, 5, 31)}
FILL = import_module("apps.ledger.migrations.0027_call_sums")._FILL


def sent(at, **values):
    start = AttemptStart(uuid7(), "r", None, 1, "answer", replace(SHOP, **values))
    open_attempts(starts=[start], now=at)
    return start


def ended(start, at, **values):
    with transaction.atomic():
        close_attempts(ends=[end_of(start, **values)], now=at)


def lost(start, at, days_later):
    """Estimated, and known days later."""
    ended(start, at, status="unknown", kind="estimate", usage=usage({"out_text": 500}))
    ended(start, at + timedelta(days=days_later))


@pytest.fixture
def calls():
    empty()
    minutes = timedelta(minutes=5)
    for model, at in (("a", MIDNIGHT - minutes / 2), ("b", MIDNIGHT + minutes)):
        ended(sent(at, model=model), at + minutes)
        lost(sent(at, model=model), at + minutes, days_later=40)
        ended(sent(at, model=model), at + minutes, prices=())  # unpriced
        ended(sent(at, model=model), at + minutes, kind="conflict")
    with transaction.atomic():
        orphan = sent(MIDNIGHT - minutes)
        resolve_orphans(attempts={orphan.id: 7}, now=MIDNIGHT + timedelta(days=2))
        book_cache_hits(hits=[CacheHit("r", None, SHOP, 1, 1, 1)], now=MIDNIGHT)
        correct_entry(
            entry=Entry.objects.filter(kind="charge", model="a").get(),
            amount_pico=3,
            lines=[{"usage_class": "out_text", "quantity": 1, "amount_pico": 3}],
            reason="r",
            actor="a",
            now=MIDNIGHT + timedelta(days=60),
        )


@pytest.mark.parametrize("batch", [1, 3, 1000])
def test_they_are_right_before_between_and_after_posting(calls, batch):
    assert len(told(OURS, by_end=True)[0]) == 5
    assert are_right(OURS)
    post_all(batch=batch)
    assert are_right(OURS)
    lost(sent(MIDNIGHT), MIDNIGHT, days_later=1)  # not posted
    assert are_right(OURS)
    assert rollup_mismatches(**MAY) == []


def test_a_correction_counts_on_the_day_of_its_call(calls):
    """However late it is booked, and though it is posted long after the call."""
    post_all()
    charge = Entry.objects.filter(kind="charge", model="b").get()
    late = {"reason": "r", "actor": "a", "now": MIDNIGHT + timedelta(days=80)}
    with transaction.atomic():
        correct_entry(entry=charge, amount_pico=0, lines=[], **late)
    post_all()
    assert are_right(OURS)
    days = set(CallSum.objects.filter(model="b").values_list("sent_day", "ended_day"))
    assert days == {(MIDNIGHT.date(), MIDNIGHT.date())}


def test_another_zone_changes_nothing(calls):
    for zone in ("Asia/Kathmandu", "America/New_York"):
        post_all(zone)
        assert are_right(OURS)


def test_other_providers_and_what_no_call_was_sent_for_are_left_out(calls):
    before = told(OURS, by_end=False)
    lost(sent(MIDNIGHT, provider="other"), MIDNIGHT, days_later=1)
    assert told(OURS, by_end=False) == before
    asks, approves = (User.objects.create_user(name) for name in ("asks", "approves"))
    asked = {"by": asks, "now": MIDNIGHT, "reason": "r", "provider": OURS}
    credit = request_adjustment(
        kind="credit", day=MIDNIGHT.date(), amount_pico=-5, reference="r", **asked
    )
    approve_adjustment(adjustment_id=credit.pk, by=approves, now=MIDNIGHT)
    assert told(OURS, by_end=False) == before
    booked(MIDNIGHT, 5, kind="correction", provider=OURS, model="none")
    for _ in range(2):
        assert told(OURS, by_end=True)[0][MIDNIGHT.date(), "none", ""] == (5, 0, 1)
        post_all()


def test_what_is_committed_late_is_neither_lost_nor_counted_twice(calls):
    with writers(1) as (writer,):
        write(writer, 9, at=MIDNIGHT)
        for _ in range(2):
            booked(MIDNIGHT, 1)
        assert told("p", by_end=False)[0] == {(MIDNIGHT.date(), "m", ""): (2, 0, 2)}
        writer.commit()
        for _ in range(2):
            assert told("p", by_end=False)[0] == {(MIDNIGHT.date(), "m", ""): (11, 0, 3)}
            post_all()


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE ledger_callsum SET amount_pico = amount_pico + 1",
        "UPDATE ledger_callsum SET calls = calls + 1",
        "UPDATE ledger_callsum SET ended_day = ended_day + 20",
        "DELETE FROM ledger_callsum",
    ],
)
def test_wrong_ones_are_found_and_mended(calls, harm):
    post_all()
    for mend in (lambda: rebuild_days(**MAY, zone="UTC"), lambda: rebuild_all(zone="UTC")):
        with connection.cursor() as cursor:
            cursor.execute(harm)
        assert len(rollup_mismatches(**MAY)) >= CallSum.objects.count()
        assert not are_right(OURS)
        mend()
        post_all()
        assert rollup_mismatches(**MAY) == []
        assert are_right(OURS)


def test_the_migration_sums_what_was_posted(calls):
    post_all()
    booked(MIDNIGHT, 5, provider=OURS)  # not posted: no sum has it
    names = [field.name for field in CallSum._meta.fields if field.name != "id"]
    kept = sorted(map(str, CallSum.objects.values_list(*names)))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM ledger_callsum")
        cursor.execute(FILL)
    assert sorted(map(str, CallSum.objects.values_list(*names))) == kept
