"""The statements behind `selectors`: sums by period and dimensions, filtered, in the order of their
keys."""

from collections.abc import Sequence
from typing import LiteralString

from psycopg import sql

from apps.finance.dimensions import Dimension
from apps.finance.query import Query
from apps.ledger import report_sql
from apps.ledger.models.rollup_keys import TOTALS

PERIODS = ("hour", "day", "month")
# Of each of `Sums`.
_MEASURES: dict[str, LiteralString] = {
    "calls": "coalesce(sum(entries) FILTER (WHERE kind = ANY(%(calls)s)), 0)",
    "answers": """coalesce(sum(entries) FILTER (
        WHERE kind = ANY(%(calls)s) AND purpose <> ALL(%(unanswered)s)), 0)""",
    "hits": "coalesce(sum(entries) FILTER (WHERE kind = %(hit)s), 0)",
    "input_tokens": "coalesce(sum(input_tokens) FILTER (WHERE kind <> %(hit)s), 0)",
    "output_tokens": "coalesce(sum(output_tokens) FILTER (WHERE kind <> %(hit)s), 0)",
    "cached_tokens": "sum(cached_tokens)",
    "amount_pico": "sum(amount_pico)",
    "avoided_pico": "sum(avoided_pico)",
    "estimated_pico": "coalesce(sum(amount_pico) FILTER (WHERE kind = %(estimate)s), 0)",
    "wasted_pico": "coalesce(sum(amount_pico) FILTER (WHERE purpose = ANY(%(wasted)s)), 0)",
    "adjusted_pico": "coalesce(sum(amount_pico) FILTER (WHERE kind = ANY(%(adjustments)s)), 0)",
}
_ASKED = ("kind", "purpose")
_SUMMED = (
    *("entries", "input_tokens", "output_tokens", "cached_tokens"),
    *("amount_pico", "avoided_pico"),
)
# Summed twice: first by what the measures ask of an entry, with plain sums, then by the keys alone.
# Of a quarter's rows few are left then, which pay for eleven sums with conditions. Totals are few
# from the start.
_SELECT = """
    SELECT * FROM (SELECT {keys}, {measures} FROM ({parts}) AS part GROUP BY {keys}) AS found
    WHERE {after} ORDER BY {keys} LIMIT %(limit)s
"""
_PARTS = "SELECT {named} FROM cost WHERE {which} GROUP BY {by} HAVING count(*) > 0"
_FEW = "SELECT * FROM cost WHERE {which}"
_TOTAL = "SELECT {measures} FROM ({parts}) AS part HAVING count(*) > 0"
_OWN: LiteralString = "CASE WHEN {0} = ANY(%(own)s) THEN {0} ELSE %(rest)s END"
# A zone's calendar decides about an entry's day; the bounds on `at` only help to find it.
_ENTRIES = """
    WITH cost AS (
        SELECT date_trunc('hour', at, %(zone)s) AS hour, (at AT TIME ZONE %(zone)s)::date AS day,
            date_trunc('month', at AT TIME ZONE %(zone)s)::date AS month, {columns}, 1 AS entries
        FROM ledger_entry
        WHERE at >= %(start)s AND at < %(end)s
          AND (at AT TIME ZONE %(zone)s)::date BETWEEN %(first)s AND %(last)s
    )
"""


def statement(
    *,
    query: Query,
    keys: Sequence[str],
    measures: Sequence[str],
    has_after: bool,
    entries: bool,
    has_rest: bool = False,
) -> str:
    """The `measures` by `keys`, of `PERIODS` and the query's dimensions, or nothing; from the
    rollups and what they don't hold yet, or from the `entries` alone. Parameters: those of
    `run_report`, `unanswered`, `wasted`, `adjustments`, `estimate`, `limit`, `start`, `end`, the
    filters' `filter_0` …, and the keys' `after_0` … . `has_rest`: values of the first dimension
    that are not among the parameter `own` are one, named by the parameter `rest`."""
    named = [sql.Identifier(key) for key in keys]
    needed = " ".join(_MEASURES[name] for name in measures)
    summed = [name for name in _SUMMED if name in needed]
    asked = [name for name in _ASKED if name in needed and name not in keys]
    used = _used(query, keys)
    is_few = not entries and report_sql.rollup_with(used) in TOTALS
    parts: dict[str, sql.Composable] = {
        "measures": sql.SQL(", ").join(sql.SQL(_MEASURES[name]) for name in measures),
        "parts": _few(query) if is_few else _parts(query, [*keys, *asked], summed),
    }
    if keys:
        parts["after"] = _after(named) if has_after else sql.SQL("true")
        select = sql.SQL(_SELECT).format(keys=sql.SQL(", ").join(named), **parts)
    else:
        select = sql.SQL(_TOTAL).format(**parts)
    plain = [*asked, *(name for name in summed if name != "entries")]
    columns = _columns(query, keys, plain, entries, has_rest)
    if entries:
        return sql.Composed([sql.SQL(_ENTRIES).format(columns=columns), select]).as_string(None)
    return report_sql.statement(select, columns=columns, dimensions=used)


def _used(query: Query, keys: Sequence[str]) -> list[str]:
    """The dimensions that are asked about or filtered by."""
    asked = [dimension.key for dimension in query.dimensions if dimension.name in keys]
    return [*asked, *(dimension.key for dimension, _ in query.filtered)]


def _few(query: Query) -> sql.Composed:
    return sql.SQL(_FEW).format(which=_which(query))


def _parts(query: Query, by: Sequence[str], summed: Sequence[str]) -> sql.Composed:
    comma = sql.SQL(", ")
    keys: list[sql.Composable] = [sql.Identifier(name) for name in by]
    sums = [sql.SQL("sum({0}) AS {0}").format(sql.Identifier(name)) for name in summed]
    named = comma.join([*keys, *sums])
    return sql.SQL(_PARTS).format(
        named=named, by=comma.join(keys or [sql.SQL("()")]), which=_which(query)
    )


def _columns(
    query: Query, keys: Sequence[str], plain: Sequence[str], entries: bool, has_rest: bool
) -> sql.Composable:
    def value(dimension: Dimension) -> sql.Composable:
        return dimension.column if entries else dimension.rolled

    def key(dimension: Dimension) -> sql.Composable:
        is_joined = has_rest and dimension.name == query.group_by[0]
        return sql.SQL(_OWN).format(value(dimension)) if is_joined else value(dimension)

    named = [
        sql.SQL("{} AS {}").format(key(dimension), sql.Identifier(dimension.name))
        for dimension in query.dimensions
        if dimension.name in keys
    ]
    filtered = [
        sql.SQL("{} AS {}").format(value(dimension), sql.Identifier(f"filter_{n}"))
        for n, (dimension, _) in enumerate(query.filtered)
    ]
    return sql.SQL(", ").join([*map(sql.Identifier, plain), *named, *filtered])


def _which(query: Query) -> sql.Composable:
    tests: list[sql.Composable] = [
        sql.SQL("{} = ANY({})").format(
            sql.Identifier(f"filter_{n}"), sql.Placeholder(f"filter_{n}")
        )
        for n in range(len(query.filters))
    ]
    return sql.SQL(" AND ").join(tests or [sql.SQL("true")])


def _after(named: Sequence[sql.Composable]) -> sql.Composable:
    places = [sql.Placeholder(f"after_{n}") for n in range(len(named))]
    comma = sql.SQL(", ")
    return sql.SQL("({}) > ({})").format(comma.join(named), comma.join(places))
