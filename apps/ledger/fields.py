"""The transaction that wrote a row, as a column."""

from typing import Any

from django.db import models
from django.db.models import Func


class Xid8Field(models.Field):  # type: ignore[type-arg]
    """A 64-bit transaction id of Postgres: it never wraps around, and snapshots compare with it."""

    def db_type(self, connection: Any) -> str:
        return "xid8"

    def from_db_value(self, value: str | None, *_: Any) -> int | None:
        return None if value is None else int(value)

    def get_prep_value(self, value: Any) -> Any:
        return str(value) if isinstance(value, int) else super().get_prep_value(value)


class CurrentXid(Func):
    """The id of the transaction that inserts the row."""

    function = "pg_current_xact_id"
    template = "%(function)s()"
    output_field = Xid8Field()
