"""Nobody changes the books, through whatever door."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from apps.core.ids import uuid7
from apps.ledger.models import Entry, Usage
from apps.ledger.services import (
    NotReversible,
    book_cache_hits,
    close_attempts,
    correct_entry,
    reverse_entry,
)
from apps.ledger.types import CacheHit
from tests.ledger.conftest import NOW, PRICES, SHOP, end_of, usage

pytestmark = pytest.mark.django_db


@pytest.fixture
def entry(opened):
    close_attempts(ends=[end_of(opened())], now=NOW)
    with connection.cursor() as cursor:
        # Pending checks of what a test inserted would keep TRUNCATE away all by themselves.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return Entry.objects.get()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE ledger_entry SET amount_pico = 0",
        "DELETE FROM ledger_entry",
        "TRUNCATE ledger_entry",
        "TRUNCATE ledger_attempt CASCADE",
        "UPDATE ledger_entrykey SET attempt_id = NULL",
        "DELETE FROM ledger_entrykey",
        "TRUNCATE ledger_entrykey",
        "UPDATE ledger_usage SET input_total = 0",
        "DELETE FROM ledger_usage",
        "TRUNCATE ledger_usage",
        "DELETE FROM ledger_attempt",
    ],
)
def test_raw_sql_is_refused(entry, sql):
    with (
        pytest.raises(DatabaseError, match=r"append-only|Cannot (update|delete)"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)

    assert Entry.objects.get().amount_pico == 27_000_000
    assert Usage.objects.get().input_total == 100


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE {leaf} SET amount_pico = 0",
        "DELETE FROM {leaf}",
        "TRUNCATE {leaf}",
        "INSERT INTO {leaf} SELECT * FROM ledger_entry",
    ],
)
@pytest.mark.parametrize("made", ["by the migration", "later", "never"])
def test_a_months_partition_is_no_way_around(opened, sql, made):
    now = timezone.now()
    later = now + timedelta(days=600)
    at = {"by the migration": now, "later": later, "never": datetime(1999, 1, 1, tzinfo=UTC)}[made]
    with connection.cursor() as cursor:
        cursor.execute("SELECT ledger_entry_month(%s)", [later.date()])
        close_attempts(ends=[end_of(opened())], now=at)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SELECT tableoid::regclass::text FROM ledger_entry")
        ((leaf,),) = cursor.fetchall()
    assert leaf == f"ledger_entry_{'default' if made == 'never' else f'{at:%Y_%m}'}"

    with (
        pytest.raises(DatabaseError, match=r"append-only|Cannot (update|delete)"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql.format(leaf=leaf))

    assert Entry.objects.get().amount_pico == 27_000_000


def test_the_orm_is_refused_too(entry):
    entry.amount_pico = 1
    for write in (entry.save, entry.delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            write()

    assert Entry.objects.get().amount_pico == 27_000_000


def test_a_reversal_is_the_exact_opposite(entry):
    reversal = reverse_entry(entry=entry, reason="wrong price", actor="finance", now=NOW)

    reversal.refresh_from_db()
    assert (reversal.kind, reversal.reverses_id) == ("reversal", entry.pk)
    assert reversal.amount_pico == -entry.amount_pico
    assert (reversal.input_tokens, reversal.output_tokens) == (-100, -20)
    assert sum(line["amount_pico"] for line in reversal.lines) == reversal.amount_pico
    assert (reversal.service, reversal.attempt_id) == (entry.service, entry.attempt_id)
    assert (reversal.reason, reversal.actor) == ("wrong price", "finance")


def test_an_entry_is_reversed_at_most_once(entry):
    reversal = reverse_entry(entry=entry, reason="", actor="", now=NOW)

    for again in (entry, reversal):
        with pytest.raises(NotReversible):
            reverse_entry(entry=again, reason="", actor="", now=NOW)

    assert Entry.objects.count() == 2


def test_the_database_itself_refuses_a_second_reversal(entry):
    reversal = reverse_entry(entry=entry, reason="", actor="", now=NOW)
    reversal.pk = uuid7()

    with pytest.raises(DatabaseError), transaction.atomic():
        reversal.save(force_insert=True)


def test_a_correction_is_a_reversal_and_a_new_line(entry):
    reversal, correction = correct_entry(
        entry=entry,
        amount_pico=20_000_000,
        lines=[{"usage_class": "in_uncached", "quantity": 100, "amount_pico": 20_000_000}],
        reason="contract price",
        actor="finance",
        now=NOW,
    )

    assert (reversal.kind, correction.kind) == ("reversal", "correction")
    assert sum(Entry.objects.values_list("amount_pico", flat=True)) == 20_000_000
    assert sum(Entry.objects.values_list("input_tokens", flat=True)) == 100
    assert correction.attempt_id == entry.attempt_id


def test_an_unpriced_entry_can_be_priced_later(opened):
    report = usage({"in_audio": 3})
    close_attempts(ends=[end_of(opened(), usage=report, prices=PRICES)], now=NOW)
    unpriced = Entry.objects.get()

    correct_entry(
        entry=unpriced, amount_pico=9, lines=[], reason="priced", actor="finance", now=NOW
    )

    assert sum(Entry.objects.values_list("amount_pico", flat=True)) == 9


def test_a_cache_hit_costs_nothing_and_says_what_it_saved(db):
    hit = CacheHit("req_9", None, SHOP, avoided_pico=123, input_tokens=4, output_tokens=5)

    book_cache_hits(hits=[hit, hit], now=NOW)

    assert (
        list(Entry.objects.values_list("kind", "amount_pico", "avoided_pico"))
        == [("cache_hit", 0, 123)] * 2
    )
    assert Entry.objects.filter(request_id="req_9", service="shop", input_tokens=4).count() == 2


def test_booking_nothing_asks_the_database_nothing(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        book_cache_hits(hits=[], now=NOW)
        assert close_attempts(ends=[], now=NOW) == []
