"""Each month of the ledger has a partition, and what holds over all months still holds."""

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Event, Thread

import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from apps.core.ids import uuid7
from apps.ledger import metrics
from apps.ledger.models import Attempt, AttemptStatus, Entry, EntryKey, Purpose
from apps.ledger.partitions import make_months
from apps.ledger.posting import rebuild_all
from apps.ledger.reports import Days, total_spent
from apps.ledger.services import book_cache_hits, close_attempts, correct_entry, open_attempts
from apps.ledger.tasks import make_partitions
from apps.ledger.types import AttemptStart, CacheHit
from tests.ledger.books import booked, post_all, writers
from tests.ledger.conftest import SHOP, end_of

pytestmark = pytest.mark.django_db(transaction=True)
THEN = datetime(2018, 3, 31, 23, 59, tzinfo=UTC)  # a month that no migration and no other test made
MARCH = Days(date(2018, 3, 1), date(2018, 3, 31), "UTC")


def sql(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else None


def where(entry):
    ((name,),) = sql("SELECT tableoid::regclass::text FROM ledger_entry WHERE id = %s", entry.pk)
    return name


def attempt():
    return Attempt.objects.create(
        request_id="r",
        number=1,
        purpose=Purpose.ANSWER,
        status=AttemptStatus.DISPATCHED,
        started_at=THEN,
    )


def start_of():
    return AttemptStart(
        id=uuid7(), request_id="r", job_id=None, number=1, purpose="answer", dimensions=SHOP
    )


def wait_until(done: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline, "It does not happen."
        time.sleep(0.01)


def settings_of_columns():
    """What is told of the table, but for what the months are there for."""
    return {
        "columns": sql(
            "SELECT attname, atttypid::regtype::text, attnotnull, pg_get_expr(adbin, adrelid)"
            " FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
            " WHERE attrelid = 'ledger_entry'::regclass AND attnum > 0 AND NOT attisdropped"
            " ORDER BY attnum"
        ),
        "indexes": sql(
            "SELECT replace(indexdef, ' ON ONLY ', ' ON ') FROM pg_indexes"
            " WHERE tablename = 'ledger_entry' AND indexdef NOT LIKE '%UNIQUE%'"
            " AND indexname NOT LIKE '%reverses_id%' ORDER BY 1"
        ),
        "constraints": sql(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = 'ledger_entry'::regclass AND contype IN ('c', 'f')"
            " AND conname NOT LIKE '%reverses_id%' ORDER BY 1"
        ),
        "triggers": sql(
            "SELECT pg_get_triggerdef(oid), obj_description(oid, 'pg_trigger') FROM pg_trigger"
            " WHERE tgrelid = 'ledger_entry'::regclass AND NOT tgisinternal"
            " AND tgname <> 'ledger_entry_keys' ORDER BY 1"
        ),
    }


@pytest.fixture
def no_march(transactional_db) -> Iterator[None]:
    """The partition of the test's month goes with it."""
    yield
    sql("DROP TABLE IF EXISTS ledger_entry_2018_03")


def test_an_entry_stands_in_the_partition_of_its_month(transactional_db):
    now = timezone.now()

    assert where(booked(now)) == f"ledger_entry_{now.astimezone(UTC):%Y_%m}"
    assert make_months(now=now).ahead >= 6


def test_an_entry_of_a_month_without_partition_waits_and_is_moved(no_march):
    stray, other = booked(THEN, 7), booked(THEN + timedelta(minutes=1), 9)
    post_all()
    late = booked(THEN, 5)  # not in the rollups yet
    stamped = Entry.objects.get(pk=stray.pk)
    assert where(stray) == "ledger_entry_default"
    assert total_spent(days=MARCH) == 12
    ((month, entries), *_) = sql("SELECT * FROM ledger_entry_strays()")
    assert (month, entries) == (MARCH.first, 2)
    sql("SELECT ledger_entry_month('2018-03-15')")

    assert where(stray) == where(late) == "ledger_entry_2018_03"
    assert where(other) == "ledger_entry_default"
    assert Entry.objects.get(pk=stray.pk).__dict__ | {"_state": 0} == stamped.__dict__ | {
        "_state": 0
    }
    assert total_spent(days=MARCH) == 12
    post_all()
    assert total_spent(days=MARCH) == 12
    call_command("verify_ledger", verbosity=0)
    # the triggers of the default partition are on again
    with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic():
        sql("DELETE FROM ledger_entry_default")


def test_making_months_empties_the_default_partition_and_says_so(no_march):
    booked(THEN, 7)
    booked(datetime(1999, 1, 1, tzinfo=UTC), 3)  # the database makes no month so long ago

    months = make_months(now=timezone.now())

    assert (months.strays, months.failed) == (1, (date(1999, 1, 1),))
    assert metrics.STRAYS._value.get() == 1
    assert metrics.MONTHS_AHEAD._value.get() == months.ahead >= 6
    assert where(Entry.objects.get(amount_pico=7)) == "ledger_entry_2018_03"


def test_the_task_makes_what_is_missing(transactional_db):
    this = timezone.now().astimezone(UTC).date()
    sql(f"DROP TABLE ledger_entry_{this:%Y_%m}")
    assert where(booked(timezone.now(), 1)) == "ledger_entry_default"

    make_partitions()

    assert where(Entry.objects.get()) == f"ledger_entry_{this:%Y_%m}"


@pytest.mark.parametrize("month", ["2300-01-01", "1990-01-01", None])
def test_no_month_is_made_far_away(transactional_db, month):
    with pytest.raises(DatabaseError, match="No partition for"), transaction.atomic():
        sql("SELECT ledger_entry_month(%s)", month)


def test_a_month_is_not_made_while_somebody_reads_what_has_none(no_march):
    """It would have to wait for the reader, and who books would wait for both."""
    with writers(1) as (reader,):
        reader.execute("SELECT count(*) FROM ledger_entry")
        with pytest.raises(DatabaseError, match="could not obtain lock"), transaction.atomic():
            sql("SELECT ledger_entry_month('2018-03-01')")
    sql("SELECT ledger_entry_month('2018-03-01')")


def test_a_month_is_made_under_load_and_nothing_is_lost(no_march):
    """Calls open, end and are booked in the very month that is made; none of them fails."""
    sent: list[uuid.UUID] = []
    hit = CacheHit("r", None, SHOP, avoided_pico=1, input_tokens=1, output_tokens=1)
    over = Event()

    def book():
        try:
            while not over.is_set():
                starts = [start_of() for _ in range(5)]
                open_attempts(starts=starts, now=THEN)
                with transaction.atomic():
                    close_attempts(ends=[end_of(start) for start in starts], now=THEN)
                book_cache_hits(hits=[hit] * 5, now=THEN)  # of no attempt that could hold it up
                sent.extend(start.id for start in starts)
        finally:
            connections.close_all()

    def more(count):
        target = len(sent) + count
        wait_until(lambda: len(sent) >= target or any(task.done() for task in tasks))

    with ThreadPoolExecutor(3) as pool:
        tasks = [pool.submit(book) for _ in range(3)]
        try:
            more(50)
            wait_until(lambda: not make_months(now=timezone.now()).failed)
            more(50)
        finally:
            over.set()
    for task in tasks:
        task.result()  # raises what went wrong in it

    places = dict(sql("SELECT tableoid::regclass::text, count(*) FROM ledger_entry GROUP BY 1"))
    assert places == {"ledger_entry_2018_03": 2 * len(sent)}
    charges = Entry.objects.filter(kind="charge")
    assert set(charges.values_list("attempt_id", flat=True)) == set(sent)
    post_all()
    call_command("verify_ledger", verbosity=0)


@pytest.mark.parametrize("kinds", [("charge", "late_charge"), ("estimate", "estimate")])
def test_one_attempt_is_charged_once_over_all_months(transactional_db, kinds):
    """Two that book at the same moment, each in another month: one waits, and fails."""
    owner = attempt()
    failed: list[IntegrityError] = []

    def second():
        try:
            booked(timezone.now(), kind=kinds[1], attempt=owner)
        except IntegrityError as error:
            failed.append(error)
        finally:
            connections.close_all()

    with transaction.atomic():
        booked(THEN, kind=kinds[0], attempt=owner)
        other = Thread(target=second)
        other.start()
        other.join(timeout=0.2)  # it waits for this transaction; if it did not, it would be done
        assert other.is_alive()
    other.join(timeout=60)

    assert len(failed) == 1
    assert "an_attempt" in str(failed[0])
    assert Entry.objects.count() == EntryKey.objects.count() == 1


def test_an_entry_is_there_once_and_reversed_once_over_all_months(transactional_db):
    entry = booked(THEN, 7)
    booked(timezone.now(), -7, kind="reversal", reverses=entry)

    with pytest.raises(IntegrityError, match="reverses_id"), transaction.atomic():
        booked(THEN, -7, kind="reversal", reverses=entry)
    with pytest.raises(IntegrityError, match="ledger_entrykey_pkey"), transaction.atomic():
        booked(timezone.now(), 7, id=entry.pk)
    with pytest.raises(IntegrityError, match="foreign key"), transaction.atomic():
        booked(THEN, 7, kind="reversal", reverses_id=uuid7())


@pytest.mark.parametrize(
    "damage",
    ["DELETE FROM ledger_entrykey", "UPDATE ledger_entrykey SET slot = 'estimate'"],
)
def test_a_key_that_is_gone_or_wrong_is_found(transactional_db, damage):
    booked(THEN, 7, attempt=attempt())
    sql("SET session_replication_role = replica")
    sql(damage)
    sql("SET session_replication_role = origin")

    with pytest.raises(Exception, match="its key is missing or says something else"):
        call_command("verify_ledger", verbosity=0)


def test_the_migration_keeps_everything_forth_and_back(transactional_db):
    now = timezone.now()
    before = now - timedelta(days=70)
    charge = booked(before, 7, attempt=attempt())
    booked(now, 3, kind="estimate", attempt=attempt())
    with transaction.atomic():
        correct_entry(entry=charge, amount_pico=5, lines=[], reason="", actor="", now=now)
    sql("CREATE ROLE ledger_reader")
    sql("GRANT SELECT ON ledger_entry TO ledger_reader")
    post_all()
    try:
        _migrate("0005_monthly_partitions")  # columns that came later are not its matter
        rows, keys, table = _rows(), _keys(), settings_of_columns()
        then = _migrate("0004_attempt_why").get_model("ledger", "Entry")
        assert sql("SELECT relkind::text FROM pg_class WHERE relname = 'ledger_entry'") == [("r",)]
        assert (_rows(), settings_of_columns()) == (rows, table)
        with pytest.raises(IntegrityError, match="one_charge_an_attempt"), transaction.atomic():
            booked(now, 7, attempt_id=charge.attempt_id, model_class=then)
        with pytest.raises(IntegrityError, match="reverses_id"), transaction.atomic():
            booked(now, -7, kind="reversal", reverses_id=charge.pk, model_class=then)
        with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic():
            sql("DELETE FROM ledger_entry")
        _migrate("0005_monthly_partitions")
        assert sql("SELECT relkind::text FROM pg_class WHERE relname = 'ledger_entry'") == [("p",)]
        assert (_rows(), _keys(), settings_of_columns()) == (rows, keys, table)
    finally:
        _migrate(None)
    assert where(charge) == f"ledger_entry_{before:%Y_%m}"
    assert sql("SELECT has_table_privilege('ledger_reader', 'ledger_entry', 'SELECT')") == [(True,)]
    sql("DROP OWNED BY ledger_reader")
    sql("DROP ROLE ledger_reader")
    call_command("verify_ledger", verbosity=0)
    assert rebuild_all(zone="UTC", after_restore=True) == 4
    call_command("verify_ledger", verbosity=0)
    for day in (before, before + timedelta(days=31)):
        sql(f"DROP TABLE IF EXISTS ledger_entry_{day:%Y_%m}")


def _rows():
    return sql("SELECT * FROM ledger_entry ORDER BY id")


def _keys():
    return sql("SELECT * FROM ledger_entrykey ORDER BY id")


def _migrate(name):
    """The models of then."""
    executor = MigrationExecutor(connection)
    leaves = [node for node in executor.loader.graph.leaf_nodes() if node[0] == "ledger"]
    return executor.migrate([("ledger", name)] if name else leaves).apps
