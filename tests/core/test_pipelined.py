"""Statements that do not wait for one another fail as any other."""

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from apps.core.pipelined import pipelined
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


def in_a_flush(*statements: str) -> None:
    with transaction.atomic(), pipelined(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
