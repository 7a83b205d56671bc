"""Statements that do not wait for one another fail as any other."""

from contextlib import closing

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from apps.budgets.models import HoldWindow
from apps.core.ids import uuid7
from apps.core.pipelined import ask, pipelined, pipelined_transaction
from apps.core.rows import insert
from apps.registry.models import Model
from tests.factories import make_model

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_was_written_is_read_in_order():
    with transaction.atomic(), pipelined():
        make_model("a")
        Model.objects.filter(slug="a").update(name="A")
        assert Model.objects.get(slug="a").name == "A"
        Model.objects.filter(slug="a").update(name="B")

    assert Model.objects.get(slug="a").name == "B"


def test_a_fault_at_the_end_undoes_all_and_leaves_the_connection_usable():
    make_model("a", name="A")

    with pytest.raises(IntegrityError):
        in_a_flush("UPDATE registry_model SET name = 'B'", "UPDATE registry_model SET slug = NULL")

    assert Model.objects.get(slug="a").name == "A"


def test_a_lost_connection_is_an_error_of_djangos():
    with pytest.raises(OperationalError):
        in_a_flush("SELECT pg_terminate_backend(pg_backend_pid())", "SELECT 1")

    connection.close()
    assert not Model.objects.exists()


def test_a_transaction_in_a_pipeline_is_committed_before_anybody_hears_of_it():
    told = []

    def tell():
        other = connection.copy()
        with closing(other), other.cursor() as cursor:
            cursor.execute("SELECT name FROM registry_model")
            told.append(cursor.fetchall())

    with pipelined_transaction():
        make_model("a", name="A")
        transaction.on_commit(tell)

    assert told == [[("A",)]]


def test_a_fault_at_its_commit_undoes_it_and_tells_nobody():
    told = []

    @pipelined_transaction()
    def work():
        transaction.on_commit(lambda: told.append(1))
        make_model("a")
        insert([HoldWindow(hold_id=uuid7(), window_id=1)])  # looked for when it is committed

    with pytest.raises(IntegrityError):
        work()

    assert (told, Model.objects.count()) == ([], 0)


def test_inside_another_transaction_it_commits_nothing():
    @transaction.atomic
    def work():
        with pipelined_transaction():
            make_model("a")
        assert Model.objects.exists()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()

    assert not Model.objects.exists()


def test_several_questions_wait_once_for_their_answers():
    with pipelined_transaction():
        asked = [ask("SELECT %s::int", [number]) for number in range(3)]

        assert [rows() for rows in reversed(asked)] == [[(2,)], [(1,)], [(0,)]]


def in_a_flush(*statements: str) -> None:
    with transaction.atomic(), pipelined(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
