"""The explorer's table as CSV: what it is about first, then the rows in the page's order, then
their total. Amounts are exact; cells that a spreadsheet would compute are defused."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from apps.core.clock import iso_in
from apps.core.csv_lines import csv_lines
from apps.core.money import exact_usd
from apps.finance.explorer import Exploration, bar_keys
from apps.finance.query import Query
from apps.finance.selectors import summed
from apps.finance.table import columns, in_order
from apps.finance.types import MEASURES, CostRow, Sums

_MONEY = {name: f"{name.removesuffix('_pico')}_usd" for name in MEASURES if name.endswith("_pico")}


def table_csv(exploration: Exploration, *, sort: str, now: datetime) -> Iterator[str]:
    query = exploration.query
    shown = columns(exploration)
    rows = in_order(exploration, sort)
    yield from csv_lines([*_head(query, now), [*query.group_by, *(c.name for c in shown)]])
    yield from csv_lines([*group.values, *(c.written(group) for c in shown)] for group in rows)
    blank = [""] * (len(query.group_by) - 1)
    yield from csv_lines([["total", *blank, *(c.written(exploration.total) for c in shown)]])


def periods_csv(query: Query, *, rows: Sequence[CostRow], now: datetime) -> Iterator[str]:
    """`rows`: what the bars are made of, for each hour, day or month and group."""
    names = [*bar_keys(query), *(_MONEY.get(name, name) for name in MEASURES)]
    yield from csv_lines([*_head(query, now), names])
    yield from csv_lines([*map(_text, row.keys), *_cells(row.sums)] for row in rows)
    yield from csv_lines([["total", "", *_cells(summed(rows))]])


def _head(query: Query, now: datetime) -> Iterable[Iterable[object]]:
    days = query.days
    yield ["cost report", f"{days.first} to {days.last}", f"days in {days.zone}", "USD"]
    if before := query.days_before:
        yield ["before", f"{before.first} to {before.last}"]
    for name, values in query.filters:
        yield ["only", name, *(value or "(none)" for value in values)]
    yield ["generated", iso_in(now, days.zone)]


def _text(key: object) -> str:
    return key.isoformat() if isinstance(key, datetime) else str(key)


def _cells(sums: Sums) -> list[str]:
    values = {name: getattr(sums, name) for name in MEASURES}
    return [exact_usd(v) if name in _MONEY else str(v) for name, v in values.items()]
