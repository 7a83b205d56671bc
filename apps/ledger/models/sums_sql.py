"""How entries become sums: for whoever posts, rebuilds or compares rollups, and for the trigger
that keeps the sums of projects."""

from typing import LiteralString

from psycopg import sql

from apps.ledger.models.rollup_keys import MEASURES, PROJECT, ROLLUPS

_OF_ENTRIES: LiteralString = """
    SELECT (at AT TIME ZONE {zone})::date AS day, {key}, count(*) AS entries,
        sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
        sum(cached_tokens) AS cached_tokens, sum(saved_tokens) AS saved_tokens,
        sum(amount_pico) AS amount_pico, sum(avoided_pico) AS avoided_pico
    FROM (SELECT entry.*, {project} AS project FROM ledger_entry entry) AS entry
    WHERE {which}
    GROUP BY day, {key}
"""
# In the order of the key: writers that ever meet here wait for each other, and never in a circle.
_ADD_DAYS: LiteralString = """
    INSERT INTO {table} AS cost (day, {key}, {measures})
    SELECT day, {key}, {sums} FROM moved GROUP BY day, {key} ORDER BY day, {key}
    ON CONFLICT (day, {key}) DO UPDATE SET {added}
"""
_ADD_MONTHS: LiteralString = """
    INSERT INTO {table} AS cost (month, {key}, {measures})
    SELECT date_trunc('month', day)::date AS month, {key}, {sums} FROM {days}
    WHERE {which} GROUP BY month, {key} ORDER BY month, {key}
    ON CONFLICT (month, {key}) DO UPDATE SET {added}
"""


def each(names: tuple[str, ...], template: LiteralString = "{0}") -> sql.Composed:
    return sql.SQL(", ").join(sql.SQL(template).format(sql.Identifier(name)) for name in names)


def of_entries(name: str, *, which: LiteralString, zone: LiteralString) -> sql.Composed:
    """By day and the key of this rollup. `which`: a condition; `zone`: an expression."""
    parts = {"zone": sql.SQL(zone), "which": sql.SQL(which), "project": sql.SQL(PROJECT)}
    return sql.SQL(_OF_ENTRIES).format(key=each(ROLLUPS[name]), **parts)


def add_days(name: str) -> sql.Composed:
    """What `moved` has to the rollup's days."""
    return _add(_ADD_DAYS, "day", name)


def add_months(name: str, *, days: str = "moved", which: LiteralString = "true") -> sql.Composed:
    """What `days` has to the rollup's months."""
    return _add(_ADD_MONTHS, "month", name, days=sql.Identifier(days), which=sql.SQL(which))


def _add(text: LiteralString, period: str, name: str, **more: sql.Composable) -> sql.Composed:
    return sql.SQL(text).format(
        table=sql.Identifier(f"ledger_{period}{name}"),
        key=each(ROLLUPS[name]),
        measures=each(MEASURES),
        sums=each(MEASURES, "sum({0})"),
        added=each(MEASURES, "{0} = cost.{0} + excluded.{0}"),
        **more,
    )
