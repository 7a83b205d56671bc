"""Statements that do not wait for one another."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from django.db import connection, transaction


@contextmanager
def pipelined() -> Iterator[None]:
    """Send statements on as they come; only who reads rows waits, for all that was sent before.

    Between two processes a round trip costs more than most of our statements. A fault is raised
    where rows are read next, or at the end, as Django's own error. Not around code that catches a
    database error and goes on: after a fault nothing runs until the end of the block.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


@contextmanager
def pipelined_transaction() -> Iterator[None]:
    """A transaction in a pipeline: also its beginning and its commit wait for nothing else."""
    with transaction.atomic():
        is_outermost = not connection.savepoint_ids
        with pipelined():
            yield
            if is_outermost:  # Django's own commit then finds nothing left to do
                with connection.cursor() as cursor:
                    cursor.execute("COMMIT")


def ask(statement: str, parameters: Sequence[Any] = ()) -> Callable[[], list[tuple[Any, ...]]]:
    """Send a statement that gives rows; what is returned reads them. In a pipeline several can be
    asked before the first is read: then all of them wait once."""
    cursor = connection.cursor()
    cursor.execute(statement, parameters)

    def rows() -> list[tuple[Any, ...]]:
        with cursor:
            return cast("list[tuple[Any, ...]]", cursor.fetchall())

    return rows
