"""A worker closes a month that somebody asked to close: once, whole, whatever happens meanwhile."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pgtrigger
import pytest
from django.db import DatabaseError, connection, connections, transaction

from apps.core.clock import db_now
from apps.ledger.adjusting import approve_adjustment
from apps.ledger.boundary import lock_boundary
from apps.ledger.closing import reopen, soft_close
from apps.ledger.final_close import MOST_TRIES, close_asked
from apps.ledger.models import Closing, Period
from apps.ledger.sealing import verify_seals
from tests.jobs.workers import environment_of_tests, eventually
from tests.ledger.books import booked, post_all
from tests.ledger.closing import MARCH, asked, three_months, user
from tests.ledger.test_closing import IN_MARCH, ask_for_a_credit
from tests.nursery import ROOT

pytestmark = pytest.mark.django_db(transaction=True)
WAITS = "SELECT FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid"
WORKER = """
import django
django.setup()
from apps.ledger.final_close import close_asked
close_asked()
"""


@pytest.fixture
def books():
    three_months()


@pytest.fixture
def closing(books):
    soft_close(month=MARCH, by=user("first"))
    return asked(MARCH)


def outcome(closing):
    closing.refresh_from_db()
    return closing.status, closing.faults, Period.objects.get(month=MARCH).status


def is_waiting():
    """Whether somebody waits for this transaction to end."""
    with connection.cursor() as cursor:
        cursor.execute(WAITS)
        return cursor.rowcount


@contextmanager
def a_worker_that_has_read_it():
    """It waits to close the month, until the block ends."""

    def work():
        try:
            close_asked()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            lock_boundary()
            done = threads.submit(work)
            eventually(is_waiting)
            yield
        done.result(timeout=30)


def test_an_entry_that_came_while_it_was_read_stops_it(closing):
    with a_worker_that_has_read_it():
        credit = ask_for_a_credit()
        approve_adjustment(adjustment_id=credit.pk, by=user("approves"), now=db_now())

    text = "Entries booked while it was read: 1. Close it again."
    assert outcome(closing) == ("refused", [text], "soft_closed")
    post_all()
    again = asked(MARCH)
    close_asked()
    assert outcome(again) == ("done", [], "closed")
    assert Period.objects.get(month=MARCH).entries == 4


def test_opened_again_while_it_was_read_it_stays_open(closing):
    with a_worker_that_has_read_it():
        reopen(month=MARCH)
    assert outcome(closing) == ("refused", ["It was opened again."], "open")


def test_what_only_reading_shows_is_said_on_the_month(books):
    with pgtrigger.ignore():
        wrong = [{"usage_class": "out_text", "quantity": 1, "amount_pico": 4}]
        booked(IN_MARCH, amount=5, lines=wrong)
    post_all()
    soft_close(month=MARCH, by=user("first"))
    closing = asked(MARCH)

    close_asked()

    status, (fault,), month = outcome(closing)
    assert (status, month) == ("refused", "soft_closed")
    assert fault.startswith("Entries that break a rule of the books: 1.")


def test_the_audit_log_knows_for_whom_and_why_it_is_closed(closing):
    close_asked()
    event = Period.objects.get(month=MARCH).events.order_by("pk").last()
    told = event.pgh_context.metadata
    assert (told["user"], told["reason"]) == (user("second").pk, "end of the quarter")


def test_two_workers_close_it_once(closing):
    def work(_):
        try:
            return close_asked()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(work, range(4))) == 1
    assert outcome(closing) == ("done", [], "closed")
    assert closing.tries == 1


@pytest.mark.slow
def test_a_worker_that_is_killed_leaves_it_to_the_next(closing, tmp_path):
    log = tmp_path / "log"
    with transaction.atomic(), log.open("wb") as output:
        lock_boundary()
        worker = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", WORKER],
            cwd=ROOT,
            env=environment_of_tests(),
            stdout=output,
            stderr=output,
        )
        try:
            eventually(is_waiting, log.read_text, seconds=60)
        finally:
            worker.kill()
            worker.wait(timeout=10)

    eventually(close_asked, seconds=60)  # once Postgres has noticed
    assert outcome(closing) == ("done", [], "closed")
    assert closing.tries == 2
    assert verify_seals() == []


def test_what_never_ends_is_given_up(closing):
    Closing.objects.update(tries=MOST_TRIES)
    assert close_asked() == 0
    status, (fault,), month = outcome(closing)
    assert (status, month) == ("refused", "soft_closed")
    assert fault.startswith("It was begun three times and never ended")


@pytest.mark.parametrize("change", [{"reason": "another"}, {"status": "asked", "ended_at": None}])
def test_what_was_asked_and_came_of_it_stays(closing, change):
    close_asked()
    with pytest.raises(DatabaseError, match="Cannot update"):
        Closing.objects.update(**change)
