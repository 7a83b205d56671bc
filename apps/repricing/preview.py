"""What past calls would have cost at other prices."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper

from apps.core.money import Pico
from apps.ledger.models import EntryKind
from apps.repricing import price_sql
from apps.repricing.types import (
    LACKING,
    LEFT,
    NEWLY,
    PRICED,
    Left,
    Line,
    Preview,
    Rate,
    RepricingRefused,
    Segment,
    Use,
)

SECONDS = 60  # that a page may take
# Each call's lines are looked at once, so nothing is gained by keeping them; and Postgres expects
# a hundred lines of each, for which compiling would pay.
_FOR_MANY = {
    "statement_timeout": f"{SECONDS}s",
    "work_mem": "64MB",
    "enable_memoize": "off",
    "jit": "off",
}
_WHY = {
    EntryKind.ESTIMATE: "Estimates: the truth replaces them",
    EntryKind.CONFLICT: "Contested usage: decided in quarantine",
}
_NO_USAGE = "Booked without usage"
_NO_PRICE = "A meter would have no price"


def preview(
    *, rates: Sequence[Rate], found: Sequence[Segment], start: datetime, end: datetime
) -> Preview:
    """Of calls sent from `start` to before `end`, by the prices of the segments `found`. Raises
    `RepricingRefused` when they are too many to be summed while somebody waits."""
    asked = [rate.row.price_id for rate in rates]
    values = price_sql.parameters(found, start=start, end=end) | {"asked": asked}
    return _folded(_rows(values))


def _rows(values: dict[str, Any]) -> list[tuple[Any, ...]]:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            usual = _settings(cursor, list(_FOR_MANY))
            _set(cursor, _FOR_MANY)
            cursor.execute(price_sql.PREVIEW, values)
            rows = list(cursor.fetchall())
            _set(cursor, usual)
            return rows
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != "57014":  # cancelled by its timeout
            raise
        raise RepricingRefused(
            f"These are more calls than can be summed in {SECONDS} seconds. Choose fewer days, or "
            "prices of fewer deployments."
        ) from error


def _settings(cursor: CursorWrapper, names: list[str]) -> dict[str, str]:
    cursor.execute("SELECT name, current_setting(name) FROM unnest(%s::text[]) AS name", [names])
    return dict(cursor.fetchall())


def _set(cursor: CursorWrapper, wanted: Mapping[str, str]) -> None:
    """Settings until the end of the transaction."""
    cursor.execute(
        "SELECT set_config(name, value, true)"
        " FROM unnest(%s::text[], %s::text[]) AS new(name, value)",
        [list(wanted), list(wanted.values())],
    )


def _folded(rows: Sequence[tuple[Any, ...]]) -> Preview:
    lines: dict[str, dict[tuple[str, ...], list[int]]] = {PRICED: {}, NEWLY: {}}
    left: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    used: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    entries = {PRICED: 0, NEWLY: 0}
    for part, kind, *keys, price, heads, count, quantity, before, after in rows:
        if part in (LEFT, LACKING):
            why = _NO_PRICE if part == LACKING else _WHY.get(kind, _NO_USAGE)
            _add(left[why], heads, before)
            continue
        _add(lines[part].setdefault(tuple(keys), [0, 0, 0, 0]), count, quantity, before, after)
        entries[part] += heads
        if price is not None:
            _add(used[price], count, quantity)
    return Preview(
        priced=_lines(lines[PRICED]),
        newly=_lines(lines[NEWLY]),
        left=[Left(why, *sums) for why, sums in sorted(left.items())],
        used={price: Use(*sums) for price, sums in used.items()},
        entries=sum(entries.values()),
        newly_priced=entries[NEWLY],
    )


def _add(sums: list[int], *more: Pico) -> None:
    sums[:] = [a + int(b) for a, b in zip(sums, more, strict=True)]


def _lines(found: dict[tuple[str, ...], list[int]]) -> list[Line]:
    return [Line(*keys, *sums) for keys, sums in sorted(found.items())]  # type: ignore[arg-type]
