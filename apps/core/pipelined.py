"""Statements that do not wait for one another."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


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
