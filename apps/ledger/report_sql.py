"""The one statement behind every report of costs."""

from collections.abc import Iterable
from functools import cache

from psycopg import sql

from apps.ledger.models.rollup_keys import PROJECT, ROLLUPS

# Of `posted` there is a row only when the rollups are days of the zone that is asked for, and their
# cursor is one of this cluster. Without it every entry is unposted.
#
# The upper bound of `unposted` keeps nothing out. It makes the planner expect few rows, as there
# are in all but odd cases, and so go by transaction; without it, it guesses a third of the ledger.
_REPORT = """
    WITH posted AS MATERIALIZED (
        SELECT xid FROM ledger_rollupcursor
        WHERE zone = %(zone)s AND xid <= pg_snapshot_xmax(pg_current_snapshot())
    ), unposted AS (
        SELECT (at AT TIME ZONE %(zone)s)::date AS day, entry.*, {project} AS project
        FROM ledger_entry entry
        WHERE xid >= coalesce((SELECT xid FROM posted), '0')
          AND xid <= (SELECT '18446744073709551615'::xid8)
          -- instants, so that months beside them are not even planned for
          AND at >= %(at_first)s AND at < %(at_after)s
    ), found AS (
        SELECT month AS day, {columns}, entries FROM {months}
        WHERE month >= %(month_first)s AND month < %(month_after)s
          AND EXISTS (SELECT FROM posted)
        UNION ALL
        SELECT day, {columns}, entries FROM {days}
        WHERE day >= %(first)s AND day < %(month_first)s AND EXISTS (SELECT FROM posted)
        UNION ALL
        SELECT day, {columns}, entries FROM {days}
        WHERE day >= %(month_after)s AND day <= %(last)s AND EXISTS (SELECT FROM posted)
        UNION ALL
        SELECT day, {columns}, 1 FROM unposted WHERE day BETWEEN %(first)s AND %(last)s
    ), cost AS (
        SELECT *, date_trunc('month', day)::date AS month FROM found
    )
"""
_COLUMNS = "kind, input_tokens, output_tokens, amount_pico, avoided_pico, {group} AS name"
# What a row says, and how rows are grouped and ordered.
_BY = """
    SELECT {keys},
        coalesce(sum(entries) FILTER (WHERE kind = ANY(%(calls)s)), 0),
        coalesce(sum(entries) FILTER (WHERE kind = %(hit)s), 0),
        sum(input_tokens), sum(output_tokens), sum(amount_pico), sum(avoided_pico)
    FROM cost GROUP BY {keys} ORDER BY {keys}
"""


@cache
def by(*keys: str, dimension: str) -> str:
    """`keys` of `day`, `month` and `name`, which is the dimension's value."""
    named = sql.SQL(", ").join(map(sql.Identifier, keys))
    return _grouped(sql.SQL(_BY).format(keys=named), dimension)


def statement(select: sql.Composable, *, columns: sql.Composable, dimensions: Iterable[str]) -> str:
    """`select` from `cost`, which has a row for each sum or entry with the `columns`, its day and
    its month. `dimensions`: those that the columns are of."""
    name = rollup_with(dimensions)
    days, months = sql.Identifier(f"ledger_day{name}"), sql.Identifier(f"ledger_month{name}")
    report = sql.SQL(_REPORT).format(
        columns=columns, days=days, months=months, project=sql.SQL(PROJECT)
    )
    return sql.Composed([report, select]).as_string(None)


def rollup_with(dimensions: Iterable[str]) -> str:
    """Of `ROLLUPS` the one with the fewest rows that knows them. Raises LookupError: none does."""
    asked = frozenset(dimensions)
    for name, key in ROLLUPS.items():
        if asked.issubset(key):
            return name
    raise LookupError(f"No rollup has {', '.join(sorted(asked))} together.")


def _grouped(select: sql.Composable, dimension: str) -> str:
    columns = sql.SQL(_COLUMNS).format(group=sql.Identifier(dimension))
    return statement(select, columns=columns, dimensions=[dimension])


PAID = statement(
    sql.SQL("SELECT DISTINCT provider FROM cost WHERE amount_pico <> 0"),
    columns=sql.SQL("provider, amount_pico"),
    dimensions=["provider"],
)
TOTAL = _grouped(sql.SQL("SELECT coalesce(sum(amount_pico), 0) FROM cost"), "service")
