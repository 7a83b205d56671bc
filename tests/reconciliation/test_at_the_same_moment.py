"""Two people at the same moment: one of them wins, and nothing is there twice."""

import threading

import pytest
from django.contrib.auth.models import User
from django.db import connection

from apps.core.money import PICO
from apps.ledger.models import Adjustment
from apps.reconciliation.errors import FileRefused, ReconciliationRefused
from apps.reconciliation.models import Decision, Statement
from apps.reconciliation.services.deciding import accept
from apps.reconciliation.services.importing import import_statement
from tests.ledger.books import empty
from tests.reconciliation.month import (
    NOW,
    Claim,
    agreeing,
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
