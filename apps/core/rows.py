"""Rows written set-based: one statement, whatever the size of the batch.

The ORM's `bulk_create` makes its SQL and adapts each value anew every time. Here a table's
statement is made once, and the rows travel as one JSON document, which Postgres takes apart with
its own types (docs/adr/0083).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import orjson
from django.db import connection, models
from django.db.models.fields import NOT_PROVIDED

from apps.core.pipelined import ask

Row = TypeVar("Row", bound=models.Model)


def insert(rows: Sequence[models.Model], *, ignore_conflicts: bool = False) -> None:
    """Insert new rows of one model, in order. Keys that the database makes are not read back, and
    what has only a database's default gets it. With `ignore_conflicts` a row that exists stays.

    Raises Django's database errors, inside a pipeline where it is read next.
    """
    if not rows:
        return
    insertion = _insertion(type(rows[0]), ignore_conflicts)
    write(insertion.statement, [insertion.values(row) for row in rows])


def select(model: type[Row], rest: str, parameters: Sequence[Any]) -> Callable[[], list[Row]]:
    """Ask for rows, to be read later (`pipelined.ask`); `rest` is the SQL after the table's name.
    The ORM would make its SQL anew every time, and can only ask and read at once."""
    fields = model._meta.local_concrete_fields
    rows = ask(_selection(model) + rest, parameters)
    names = [field.attname for field in fields]
    converted = [
        (i, field.from_db_value)
        for i, field in enumerate(fields)
        if hasattr(field, "from_db_value")
    ]

    def read() -> list[Row]:
        found = [list(row) for row in rows()]
        for i, convert in converted:
            for row in found:
                row[i] = convert(row[i], None, connection)
        return [model.from_db("default", names, row) for row in found]

    return read


def write(statement: str, rows: Collection[Mapping[str, Any]]) -> None:
    """Run `statement`, which takes the rows as its table
    `(SELECT * FROM json_to_recordset(%s) AS rows(column type, …) LIMIT %s) AS new`.

    The limit tells Postgres how many there are, so that it looks the others up by their keys. It
    would expect a hundred, and read all of a table that is not large yet.
    """
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(statement, [orjson.dumps(rows).decode(), len(rows)])


@dataclass(frozen=True, slots=True)
class _Insertion:
    statement: str
    names: tuple[tuple[str, str], ...]  # column, attribute
    stamps: tuple["models.DateTimeField[Any, Any]", ...]  # that know the time themselves

    def values(self, row: models.Model) -> dict[str, Any]:
        values = {column: getattr(row, attribute) for column, attribute in self.names}
        for field in self.stamps:
            values[str(field.column)] = field.pre_save(row, add=True)
        return values


@cache
def _selection(model: type[models.Model]) -> str:
    columns = ", ".join(map(_column, model._meta.local_concrete_fields))
    table = connection.ops.quote_name(model._meta.db_table)
    return f"SELECT {columns} FROM {table} "  # noqa: S608 - names of our own models


@cache
def _insertion(model: type[models.Model], ignore_conflicts: bool) -> _Insertion:
    fields = [f for f in model._meta.local_concrete_fields if not _is_left_to_database(f)]
    columns = ", ".join(map(_column, fields))
    types = ", ".join(f"{_column(field)} {field.db_type(connection)}" for field in fields)
    conflict = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
    table = connection.ops.quote_name(model._meta.db_table)
    return _Insertion(
        statement=f"INSERT INTO {table} ({columns}) "  # noqa: S608 - names of our own models
        f"SELECT {columns} FROM json_to_recordset(%s) AS rows({types}) LIMIT %s{conflict}",
        names=tuple((str(field.column), field.attname) for field in fields),
        stamps=tuple(f for f in fields if isinstance(f, models.DateTimeField) and _is_stamp(f)),
    )


def _column(field: "models.Field[Any, Any]") -> str:
    return connection.ops.quote_name(str(field.column))


def _is_left_to_database(field: "models.Field[Any, Any]") -> bool:
    has_only_its = field.db_default is not NOT_PROVIDED and not field.has_default()
    return isinstance(field, models.AutoField) or has_only_its


def _is_stamp(field: "models.DateTimeField[Any, Any]") -> bool:
    return field.auto_now or field.auto_now_add
