"""The statements that keep the rollups; `posting` says when and why."""

from typing import LiteralString

from psycopg import sql

from apps.ledger.models.rollup_keys import KEY, MEASURES, TOTALS

# Makes the cursor, or sends it back to the start: the rollups don't fit the zone, or the cluster.
BEGIN = """
    INSERT INTO ledger_rollupcursor (id, xid, zone) VALUES (1, '0', %(zone)s)
    ON CONFLICT (id) DO UPDATE SET xid = '0', zone = excluded.zone
    WHERE ledger_rollupcursor.zone <> excluded.zone
       OR ledger_rollupcursor.xid > pg_snapshot_xmax(pg_current_snapshot())
"""
# The oldest transaction that may still write entries. Those of other databases of the cluster
# cannot, and are left out when pg_locks says that they are there; what it does not say is waited
# for. A transaction that ended meanwhile is seen by the next statement.
HORIZON = """
    WITH moment AS MATERIALIZED (SELECT pg_current_snapshot() AS snapshot),
    elsewhere AS MATERIALIZED (
        SELECT lock.transactionid AS xid
        FROM pg_locks lock JOIN pg_stat_activity other USING (pid)
        WHERE lock.locktype = 'transactionid' AND lock.mode = 'ExclusiveLock' AND lock.granted
          AND other.datid <> (SELECT oid FROM pg_database WHERE datname = current_database())
    )
    SELECT coalesce((
        SELECT running FROM pg_snapshot_xip(snapshot) running
        WHERE running::xid NOT IN (SELECT xid FROM elsewhere) ORDER BY running LIMIT 1
    ), pg_snapshot_xmax(snapshot))::text
    FROM moment
"""
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

_BY_DAY = """
    SELECT (at AT TIME ZONE %(zone)s)::date AS day, {key}, count(*) AS entries,
        sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
        sum(cached_tokens) AS cached_tokens, sum(saved_tokens) AS saved_tokens,
        sum(amount_pico) AS amount_pico, sum(avoided_pico) AS avoided_pico
    FROM ledger_entry
    WHERE {which}
    GROUP BY day, {key}
"""
# In the order of the key: writers that ever meet here wait for each other, and never in a circle.
_ADD_DAYS = """
    INSERT INTO ledger_daycost AS cost (day, {key}, {measures})
    SELECT day, {key}, {measures} FROM moved ORDER BY day, {key}
    ON CONFLICT (day, {key}) DO UPDATE SET {added}
"""
_ADD_MONTHS = """
    INSERT INTO ledger_monthcost AS cost (month, {key}, {measures})
    SELECT date_trunc('month', day)::date AS month, {key}, {sums} FROM {days}
    WHERE {which} GROUP BY month, {key} ORDER BY month, {key}
    ON CONFLICT (month, {key}) DO UPDATE SET {added}
"""
# An entry's day is that of the zone's calendar; the bounds on `at` only help to find it.
_OF_DAYS = """
    at >= %(first)s::date - 2 AND at < %(last)s::date + 3
    AND (at AT TIME ZONE %(zone)s)::date BETWEEN %(first)s AND %(last)s
    AND xid < (SELECT xid FROM ledger_rollupcursor)
"""


def _each(names: tuple[str, ...], template: LiteralString = "{0}") -> sql.Composed:
    return sql.SQL(", ").join(sql.SQL(template).format(sql.Identifier(name)) for name in names)


_PARTS = {
    "key": _each(KEY),
    "measures": _each(MEASURES),
    "sums": _each(MEASURES, "sum({0})"),
    "added": _each(MEASURES, "{0} = cost.{0} + excluded.{0}"),
}


def _sql(text: LiteralString, **parts: LiteralString) -> sql.Composed:
    return sql.SQL(text).format(**_PARTS, **{name: sql.SQL(part) for name, part in parts.items()})


def _text(composed: sql.Composed) -> str:
    return composed.as_string(None)


def _cleared(period: str, which: LiteralString) -> list[str]:
    """First the sums, whose triggers mend their totals, then what is left of wrong ones."""
    tables = [sql.Identifier(f"ledger_{period}{name}") for name in ("cost", *TOTALS)]
    return [
        _text(sql.SQL("DELETE FROM {} WHERE ").format(name) + sql.SQL(which)) for name in tables
    ]


CLEAR = [*_cleared("day", "true"), *_cleared("month", "true")]
CLEAR_DAYS = _cleared("day", "day BETWEEN %(first)s AND %(last)s")
CLEAR_MONTHS = _cleared("month", "month BETWEEN %(first)s AND %(last)s")

_POSTED = "xid >= (SELECT xid FROM ledger_rollupcursor) AND xid < %(next)s::xid8"
POST = _text(
    sql.SQL("""
        WITH moved AS MATERIALIZED ({moved}), days AS ({days}), months AS ({months})
        SELECT coalesce(sum(entries), 0) FROM moved
    """).format(
        moved=_sql(_BY_DAY, which=_POSTED),
        days=_sql(_ADD_DAYS),
        months=_sql(_ADD_MONTHS, days="moved", which="true"),
    )
)
REBUILD_DAYS = _text(
    sql.SQL("WITH moved AS MATERIALIZED ({moved}) {days}").format(
        moved=_sql(_BY_DAY, which=_OF_DAYS), days=_sql(_ADD_DAYS)
    )
)
REBUILD_MONTHS = _text(
    _sql(_ADD_MONTHS, days="ledger_daycost", which="day BETWEEN %(first)s AND %(last)s")
)

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
    FROM ledger_daycost WHERE day BETWEEN %(first)s AND %(last)s GROUP BY month, {key}
"""
_TOTALS = """
    SELECT {period}, {key}, {named_sums} FROM {of}
    WHERE {period} BETWEEN %(first)s AND %(last)s GROUP BY {period}, {key}
"""
_NAMED = ("service", "model", "kind")


def _drift(period: str, name: str, computed: LiteralString, key: tuple[str, ...] = KEY) -> str:
    parts: dict[str, sql.Composable] = {
        "period": sql.Identifier(period),
        "table": sql.Identifier(f"ledger_{period}{name}"),
        "of": sql.Identifier(f"ledger_{period}cost"),
        "key": _each(key),
        "named": _each(tuple(each for each in _NAMED if each in key)),
        "measures": _each(MEASURES),
        "named_sums": _each(MEASURES, "sum({0}) AS {0}"),
        "which": sql.SQL(_OF_DAYS),
        "kept_or_0": _each(MEASURES, "coalesce(kept.{0}, 0)"),
        "computed_or_0": _each(MEASURES, "coalesce(computed.{0}, 0)"),
        "kept_measures": _each(MEASURES, "kept.{0}"),
        "computed_measures": _each(MEASURES, "computed.{0}"),
    }
    made = sql.SQL(computed).format(**parts)
    return _text(sql.SQL(_DRIFT).format(computed=made, **parts))


DAY_DRIFTS = [
    _drift("day", "cost", _BY_DAY),
    *(_drift("day", name, _TOTALS, key) for name, key in TOTALS.items()),
]
MONTH_DRIFTS = [
    _drift("month", "cost", _DAYS_OF_MONTHS),
    *(_drift("month", name, _TOTALS, key) for name, key in TOTALS.items()),
]
