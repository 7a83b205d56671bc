"""The entries of a question inside a snapshot: how many, what they add up to, and all of them."""

from collections.abc import Iterator
from typing import Any

from django.db import connection
from psycopg import sql

from apps.core.money import Pico, exact_usd
from apps.exports import entry_sql
from apps.exports.types import ExportRefused
from apps.finance.query import Query
from apps.finance.selectors import total

_AT_ONCE = 1000  # rows that are in memory


def counted(query: Query) -> int:
    """How many entries there are; they add up to what the report says of the question, which sums
    other tables. Raises `ExportRefused` when they don't: no file may say either."""
    rows, amount = _one(entry_sql.count(query))
    _check(query, amount)
    return rows


def counted_lines(query: Query) -> tuple[int, Pico]:
    rows, amount = _one(entry_sql.count_lines(query))
    _check(query, amount)
    return rows, amount


def rows_of(statement: sql.Composed) -> Iterator[tuple[Any, ...]]:
    """Row by row from a cursor of the server's."""
    connection.ensure_connection()
    with connection.connection.cursor(name="export") as cursor:
        cursor.itersize = _AT_ONCE
        cursor.execute(statement)
        yield from cursor


def copied(statement: sql.Composed) -> Iterator[bytes]:
    """As CSV with a head, by COPY."""
    command = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER)").format(statement)
    connection.ensure_connection()
    with connection.connection.cursor() as cursor, cursor.copy(command) as copy:
        for data in copy:
            yield bytes(data)


def _one(statement: sql.Composed) -> tuple[int, Pico]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        rows, amount = cursor.fetchone()
    return int(rows), int(amount)


def _check(query: Query, amount: Pico) -> None:
    reported = total(query=query).amount_pico
    if amount != reported:
        raise ExportRefused(
            f"The report says {exact_usd(reported)} USD, its entries add up to "
            f"{exact_usd(amount)}. Tell an operator; `verify_ledger` says where they differ."
        )
