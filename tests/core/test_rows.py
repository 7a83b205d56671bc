"""Rows that are written and read set-based are those that the ORM would write and read."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.forms import model_to_dict

from apps.budgets.models import Hold
from apps.core.ids import uuid7
from apps.core.pipelined import pipelined
from apps.core.rows import insert, select
from apps.ledger.models import Attempt, Entry

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
SLUGS = ("service", "team", "cost_center", "provider", "model", "deployment")
BIG = 2**63 - 1


def attempt(**values):
    return Attempt(request_id="r", started_at=AT, **{s: s for s in SLUGS} | {"number": 1} | values)


def entry(**values):
    return Entry(at=AT, kind="charge", request_id="r", **{s: s for s in SLUGS} | values)


def test_every_kind_of_value_comes_back_as_it_was():
    row = entry(
        amount_pico=-BIG,
        avoided_pico=BIG,
        lines=[{"price_pico": BIG, "usage_class": "é”\\'\"\n"}, None, 1.5],
        tags=["a", "ü%s"],
        job_id=uuid7(),
        reason="x" * 500,
    )

    insert([row])

    found = Entry.objects.get()
    assert model_to_dict(found) == model_to_dict(row)
    assert (found.pk, found.at) == (row.pk, AT)


def test_what_the_database_makes_is_left_to_it():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        (xid,) = cursor.fetchone()
    before = datetime.now(UTC)

    insert([entry(amount_pico=1)])
    insert([Hold(id=uuid7(), amount_pico=1, expires_at=AT)])

    assert Entry.objects.get().xid == int(xid)
    assert before <= Hold.objects.get().created_at <= before + timedelta(seconds=60)


def test_a_row_that_exists_stays_where_that_is_asked_for():
    first = attempt(why="first")
    insert([first])

    insert([attempt(id=first.pk, why="second"), attempt(why="third")], ignore_conflicts=True)

    assert set(Attempt.objects.values_list("why", flat=True)) == {"first", "third"}
    with pytest.raises(IntegrityError), transaction.atomic():
        insert([attempt(id=first.pk)])


def test_a_value_that_is_too_long_is_refused_as_by_the_orm():
    with pytest.raises(DataError), transaction.atomic():
        insert([attempt(why="x" * 201)])


def test_nothing_asks_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        insert([])


def test_rows_are_read_as_the_orm_reads_them():
    insert([attempt(tags=["a"], number=2), attempt(number=1)])

    with pipelined():
        asked = select(Attempt, "WHERE number > %s ORDER BY number", [0])
        later = select(Attempt, "WHERE number = %s", [2])
        found = asked()

    assert list(map(model_to_dict, found)) == list(
        map(model_to_dict, Attempt.objects.order_by("number"))
    )
    assert later() == found[1:]
    assert found[1].tags == ["a"]
    found[1].why = "changed"
    found[1].save()  # a row like any other: known to exist
    assert Attempt.objects.get(number=2).why == "changed"
