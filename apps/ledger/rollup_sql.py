"""The statements that keep the rollups; `posting` says when and why."""

from typing import LiteralString

from psycopg import sql

from apps.ledger import call_sum_sql
from apps.ledger.following import begin
from apps.ledger.models.rollup_keys import MEASURES, ROLLUPS, TOTALS
from apps.ledger.models.sums_sql import add_days, add_months, each, of_entries

BEGIN = begin("ledger_rollupcursor")
# The first transaction after a batch, if it is over. Never before the cursor, or entries would be
# posted twice: the horizon can fall back when a transaction of another database, which had been
# left out, is for a moment not known to be one. The cut stands in a subquery of its own:
# joined to the entries, it made the planner read the index of every month.
NEXT = """
    WITH cut AS (
        SELECT xid FROM ledger_entry
        WHERE xid >= (SELECT xid FROM ledger_rollupcursor) AND xid < %(horizon)s::xid8
        ORDER BY xid OFFSET %(batch)s - 1 LIMIT 1
    )
    SELECT greatest((SELECT xid FROM ledger_rollupcursor), coalesce((
        SELECT xid FROM ledger_entry
        WHERE xid > (SELECT xid FROM cut) AND xid < %(horizon)s::xid8 ORDER BY xid LIMIT 1
    ), %(horizon)s::xid8))::text
"""
MOVE = "UPDATE ledger_rollupcursor SET xid = %(next)s::xid8, moved_at = clock_timestamp()"
ADOPT = "ALTER TABLE ledger_entry ALTER COLUMN xid TYPE xid8 USING '1'::xid8"

# An entry's day is that of the zone's calendar; the bounds on `at` only help to find it.
_OF_DAYS = """
    at >= %(first)s::date - 2 AND at < %(last)s::date + 3
    AND (at AT TIME ZONE %(zone)s)::date BETWEEN %(first)s AND %(last)s
    AND xid < (SELECT xid FROM ledger_rollupcursor)
"""


_ZONE = "%(zone)s"
_POSTED = "xid >= (SELECT xid FROM ledger_rollupcursor) AND xid < %(next)s::xid8"
# What entries are summed into; the totals follow by themselves.
_SUMMED = ("cost", "byproject", "full")


def _text(composed: sql.Composed) -> str:
    return composed.as_string(None)


def _cleared(period: str, which: LiteralString) -> list[str]:
    """First the sums, whose triggers mend their totals, then what is left of wrong ones."""
    tables = [sql.Identifier(f"ledger_{period}{name}") for name in (*_SUMMED, *TOTALS)]
    return [
        _text(sql.SQL("DELETE FROM {} WHERE ").format(name) + sql.SQL(which)) for name in tables
    ]


CLEAR = [*_cleared("day", "true"), *_cleared("month", "true"), call_sum_sql.CLEAR]
CLEAR_DAYS = [
    *_cleared("day", "day BETWEEN %(first)s AND %(last)s"),
    call_sum_sql.CLEAR_DAYS,
]
CLEAR_MONTHS = _cleared("month", "month BETWEEN %(first)s AND %(last)s")
# A trigger of the cursor posts what has the project.
POST = _text(
    sql.SQL("""
        WITH moved AS MATERIALIZED ({moved}), days AS ({days}), months AS ({months})
        SELECT coalesce(sum(entries), 0) FROM moved
    """).format(
        moved=of_entries("cost", which=_POSTED, zone=_ZONE),
        days=add_days("cost"),
        months=add_months("cost"),
    )
)
REBUILD_DAYS = [
    _text(
        sql.SQL("WITH moved AS MATERIALIZED ({moved}) {days}").format(
            moved=of_entries(name, which=_OF_DAYS, zone=_ZONE), days=add_days(name)
        )
    )
    for name in _SUMMED
] + [call_sum_sql.REBUILD_DAYS]
REBUILD_MONTHS = [
    _text(add_months(name, days=f"ledger_day{name}", which="day BETWEEN %(first)s AND %(last)s"))
    for name in _SUMMED
]

# What is kept against what it should be, for each period and key where they differ.
_DRIFT = """
    WITH kept AS (
        SELECT {period}, {key}, {measures} FROM {table}
        WHERE {period} BETWEEN %(first)s AND %(last)s
    ), computed AS ({computed})
    SELECT {period}, concat_ws(', ', {named}) AS what, {kept_or_0}, {computed_or_0}
    FROM kept FULL JOIN computed USING ({period}, {key})
    WHERE ({kept_measures}) IS DISTINCT FROM ({computed_measures})
    ORDER BY {period}, what
"""
_DAYS_OF_MONTHS = """
    SELECT date_trunc('month', day)::date AS month, {key}, {named_sums}
    FROM {days} WHERE day BETWEEN %(first)s AND %(last)s GROUP BY month, {key}
"""
_TOTALS = """
    SELECT {period}, {key}, {named_sums} FROM {cost}
    WHERE {period} BETWEEN %(first)s AND %(last)s GROUP BY {period}, {key}
"""
_NAMED = ("project", "service", "model", "kind")


def _drift(period: str, name: str, computed: LiteralString) -> str:
    key = ROLLUPS[name]
    parts: dict[str, sql.Composable] = {
        "period": sql.Identifier(period),
        "table": sql.Identifier(f"ledger_{period}{name}"),
        "days": sql.Identifier(f"ledger_day{name}"),
        "cost": sql.Identifier(f"ledger_{period}cost"),
        "key": each(key),
        "named": each(tuple(name for name in _NAMED if name in key), "nullif({0}, '')"),
        "measures": each(MEASURES),
        "named_sums": each(MEASURES, "sum({0}) AS {0}"),
        "kept_or_0": each(MEASURES, "coalesce(kept.{0}, 0)"),
        "computed_or_0": each(MEASURES, "coalesce(computed.{0}, 0)"),
        "kept_measures": each(MEASURES, "kept.{0}"),
        "computed_measures": each(MEASURES, "computed.{0}"),
        "entries": of_entries(name, which=_OF_DAYS, zone=_ZONE),
    }
    made = sql.SQL(computed).format(**parts)
    return _text(sql.SQL(_DRIFT).format(computed=made, **parts))


DAY_DRIFTS = [
    *(_drift("day", name, "{entries}") for name in _SUMMED),
    *(_drift("day", name, _TOTALS) for name in TOTALS),
]
MONTH_DRIFTS = [
    *(_drift("month", name, _DAYS_OF_MONTHS) for name in _SUMMED),
    *(_drift("month", name, _TOTALS) for name in TOTALS),
]
