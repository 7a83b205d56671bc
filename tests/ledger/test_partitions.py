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
from django.utils import timezone

from apps.core.ids import uuid7
from apps.ledger import metrics
from apps.ledger.models import Attempt, AttemptStatus, Entry, EntryKey, Purpose
from apps.ledger.partitions import make_months
from apps.ledger.reports import Days, total_spent
from apps.ledger.services import book_cache_hits, close_attempts, open_attempts
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


def test_the_table_that_stands_in_for_django_s_is_what_the_model_says():
    """The migration replaces what `CreateModel` made by a table of months, by hand."""
    named = sql(
        "SELECT relkind::text, pg_get_partkeydef(oid) FROM pg_class WHERE relname = 'ledger_entry'"
    )
    assert named == [("p", "RANGE (at)")]
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "ledger_entry")
        nullable = {
            column.name: column.null_ok
            for column in connection.introspection.get_table_description(cursor, "ledger_entry")
        }
    assert nullable == {field.column: field.null for field in Entry._meta.local_fields}
    assert found["ledger_entry_pkey"]["columns"] == ["id", "at"]
    meant = [each.name for each in (*Entry._meta.indexes, *Entry._meta.constraints)]
    assert set(meant) <= set(found)
    single = {each["columns"][0] for each in found.values() if each["index"] and each["columns"]}
    assert {each.column for each in Entry._meta.local_fields if each.db_index} <= single
    keys = [each["foreign_key"] for each in found.values() if each["foreign_key"]]
    assert keys == [("ledger_attempt", "id")]


def test_the_ledger_and_each_of_its_months_have_their_triggers():
    told = sql(
        "SELECT tgname, obj_description(oid, 'pg_trigger') FROM pg_trigger"
        " WHERE tgrelid = 'ledger_entry'::regclass AND NOT tgisinternal"
    )
    compiled = [trigger.compile(Entry).sql for trigger in Entry._meta.triggers]
    ours = {(trigger.pgid, trigger.hash) for trigger in compiled}
    assert set(told) == ours | {("ledger_entry_keys", None), ("ledger_entry_open", None)}
    unguarded = sql(
        "SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'ledger_entry'::regclass"
        " AND inhrelid NOT IN (SELECT tgrelid FROM pg_trigger WHERE tgname = 'ledger_entry_guard')"
    )
    assert unguarded == []
