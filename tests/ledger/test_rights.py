"""The role of the processes works with the books and cannot change them, triggers or not."""

import pgtrigger
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from apps.ledger import following, rollup_sql
from apps.ledger.models import Attempt, Entry, Usage
from apps.ledger.partitions import make_months
from apps.ledger.reports import total_spent
from apps.ledger.services import close_attempts, correct_entry, resolve_orphans
from tests.ledger.conftest import NOW, end_of
from tests.ledger.test_no_entry_is_lost import MAY

pytestmark = pytest.mark.django_db
ROLE = "llmplatform_test_app"  # gone with the test's transaction


def sql(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else None


@pytest.fixture
def entry(opened):
    """A charged attempt; from here on the test is the app."""
    call_command("secure_ledger", ROLE)
    start = opened()
    sql(f"SET LOCAL ROLE {ROLE}")
    close_attempts(ends=[end_of(start)], now=NOW)
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    return Entry.objects.get()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entry SET amount_pico = 0",
        "DELETE FROM ledger_entry",
        "TRUNCATE ledger_entry",
        "ALTER TABLE ledger_entry DISABLE TRIGGER ALL",
        "UPDATE ledger_usage SET input_total = 0",
        "DELETE FROM ledger_usage",
        "TRUNCATE ledger_usage",
        "DELETE FROM ledger_attempt",
        "TRUNCATE ledger_attempt CASCADE",
        "SET session_replication_role = replica",
        "UPDATE ledger_entry_default SET amount_pico = 0",
        "DELETE FROM ledger_entry_default",
        "TRUNCATE ledger_entry_default",
        "INSERT INTO ledger_entry_default SELECT * FROM ledger_entry",
        "SELECT * FROM ledger_entry_default",
        "ALTER TABLE ledger_entry DETACH PARTITION ledger_entry_default",
        "UPDATE ledger_entrykey SET attempt_id = NULL",
        "DELETE FROM ledger_entrykey",
        "TRUNCATE ledger_entrykey",
        "INSERT INTO ledger_entrykey VALUES (gen_random_uuid(), NULL, 'charge', NULL)",
        "CREATE TABLE ledger_entry_2099_01 PARTITION OF ledger_entry DEFAULT",
    ],
)
def test_the_database_refuses_it_even_without_triggers(entry, statement):
    with (
        pytest.raises(DatabaseError, match=r"permission denied|must be owner"),
        pgtrigger.ignore(),
        transaction.atomic(),
    ):
        sql(statement)

    assert Entry.objects.get().amount_pico == 27_000_000
    assert Usage.objects.get().input_total == 100


def test_without_it_the_owner_gets_past_the_triggers(opened):
    """Why rights are needed beside triggers."""
    close_attempts(ends=[end_of(opened())], now=NOW)
    with pgtrigger.ignore("ledger.Entry:entry_append_only"):
        assert Entry.objects.update(amount_pico=0) == 1


def test_all_of_the_ledgers_work_is_possible(entry, opened):
    lost = opened()
    resolve_orphans(attempts={lost.id: 5}, now=NOW)
    close_attempts(ends=[end_of(lost)], now=NOW)
    correct_entry(entry=entry, amount_pico=1, lines=[], reason="r", actor="a", now=NOW)

    assert total_spent(days=MAY) == 27_000_001
    assert Attempt.objects.filter(status="succeeded").count() == 2


def test_months_are_made_and_their_partitions_are_closed(entry):
    """The role may not make a table: the owner's function does it, and leaves it no right."""
    made = make_months(now=NOW, ahead=1)

    assert (made.ahead, made.strays, made.failed) == (1, 0, ())
    assert Entry.objects.get().amount_pico == 27_000_000
    for statement in ("SELECT * FROM", "DELETE FROM", "TRUNCATE", "DROP TABLE"):
        with (
            pytest.raises(DatabaseError, match=r"permission denied|must be owner"),
            transaction.atomic(),
        ):
            sql(f"{statement} ledger_entry_2026_05")


def test_posting_is_possible(entry):
    sql(following.HORIZON)
    with connection.cursor() as cursor:
        cursor.execute(rollup_sql.BEGIN, {"zone": "UTC"})
        cursor.execute(rollup_sql.POST, {"next": "9000000000", "zone": "UTC"})
        assert cursor.fetchone() == (1,)


def test_whom_nothing_binds_is_refused(db):
    ((user,),) = sql("SELECT current_user")
    with pytest.raises(CommandError, match="nothing binds it"):
        call_command("secure_ledger", user)
