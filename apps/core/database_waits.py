"""A database that takes questions and never answers must not hold up whoever asks.

`connect_timeout` and the kernel notice a Postgres that is gone. One that hangs (a machine that
stands still, a disk that does not write, a proxy that swallows) keeps the connection open, and its
own `statement_timeout` hangs with it. So a process that serves callers counts the seconds itself.
"""

from functools import partial
from typing import Any

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created


def bound_waits(seconds: float) -> None:
    """From now on each new connection of this process waits so long for one answer of Postgres.

    Then `django.db.OperationalError` is raised and the connection closed: what came of the
    statement is not known.
    """
    connection_created.connect(partial(_bound, seconds), weak=False, dispatch_uid="bound_waits")


def _bound(seconds: float, connection: BaseDatabaseWrapper, **_: Any) -> None:
    raw: psycopg.Connection[Any] = connection.connection
    unbounded = raw.wait

    def wait(gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return unbounded(gen, interval, timeout or seconds)
        except psycopg.OperationalError as error:
            if timeout is None and type(error) is psycopg.errors._WaitTimeout:
                raw.close()
                raise psycopg.OperationalError(f"no answer within {seconds:g} s") from error
            raise

    raw.wait = wait  # type: ignore[method-assign]
