"""Two people at the same moment: one of them wins, and nothing is there twice."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from apps.core.money import PICO
from apps.ledger.models import Adjustment
from apps.ledger.posting import post_entries
from apps.reconciliation.errors import FileRefused, ReconciliationRefused
from apps.reconciliation.models import Decision, Statement
from apps.reconciliation.services.comparing import compare_again, what_is_kept
from apps.reconciliation.services.deciding import accept
from apps.reconciliation.services.importing import import_statement
from apps.reconciliation.services.signing import sign_off
from tests.jobs.workers import eventually
from tests.ledger.books import empty
from tests.reconciliation.month import (
    NOW,
    Claim,
    agreeing,
    book_month,
    booked,
    day,
    drafted,
    imported,
    make_provider_with_models,
    text_of,
)

pytestmark = pytest.mark.django_db(transaction=True)
TAX = Claim(day(31), "", "", 0, 0, 2 * PICO, "tax")


@pytest.fixture
def acme():
    empty()
    return make_provider_with_models()


def both(*asked):
    """Run them at once; what came of each."""
    barrier, answers = threading.Barrier(len(asked)), []

    def run(ask):
        barrier.wait(timeout=30)
        try:
            ask()
            answers.append("done")
        except (ReconciliationRefused, FileRefused):
            answers.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(one,)) for one in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(answers)


def test_a_difference_is_booked_once(acme):
    statement = imported(text_of([TAX]), acme)
    ids = list(statement.differences.values_list("pk", flat=True))
    people = [User.objects.create_user(name) for name in ("anna", "bert")]

    def book(by):
        return lambda: accept(statement_id=statement.pk, ids=ids, reason="x", by=by, now=NOW)

    assert both(*map(book, people)) == ["done", "refused"]
    assert (Decision.objects.count(), Adjustment.objects.count()) == (1, 1)


def test_of_two_statements_of_the_same_days_one_stands(acme):
    drafts = [drafted(text_of([TAX, *more]), acme) for more in ([], list(agreeing().values()))]
    ids = [draft.pk for draft in drafts]

    def take(pk):
        return lambda: import_statement(statement_id=pk, now=NOW)

    answers = both(*map(take, ids))

    standing = Statement.objects.filter(status="open")
    # the day cannot take the place of the month; the month takes that of the day
    assert standing.count() == 1
    assert standing.get().pk == ids[1]
    assert answers.count("done") >= 1


def test_a_file_is_read_once(acme):
    text = text_of([TAX])
    answers = both(*[lambda: drafted(text, acme)] * 2)
    assert answers == ["done", "refused"]
    assert Statement.objects.count() == 1


def test_a_call_that_is_booked_before_a_sign_off_gets_its_turn_stops_it(acme):
    statement = imported(text_of([TAX]), acme)
    by = User.objects.create_user("anna")

    def sign():
        try:
            sign_off(statement_id=statement.pk, note="x", by=by, now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            Statement.objects.select_for_update().get(pk=statement.pk)
            signing = threads.submit(sign)
            eventually(is_waited_for)
            at = datetime(2026, 3, 31, 12, tzinfo=UTC)
            booked("acme", "large", at, {"out_text": 1}).save()
        with pytest.raises(ReconciliationRefused, match="changed since it was compared"):
            signing.result(timeout=30)
    statement.refresh_from_db()
    assert statement.status == "open"


@pytest.mark.parametrize("batch", [7, 1000])
def test_posting_changes_nothing_of_a_comparison(acme, batch):
    """From the entries, from some sums and the rest, and from sums alone."""
    book_month()
    statement = imported(text_of([*agreeing().values(), TAX]), acme)
    kept = what_is_kept(statement)
    assert len(kept[1]) == 31 * 6 + 1
    for _ in range(2):
        post_entries(zone="Europe/Berlin", batch=batch)
        compare_again(statement_id=statement.pk, now=NOW)
        assert what_is_kept(statement) == kept


def is_waited_for():
    """Whether somebody waits for this transaction to end."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid"
        )
        return cursor.rowcount
