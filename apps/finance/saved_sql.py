"""Lines of the ledger that cost less than they might have: read from a provider's cache, billed in
its batch tier, or sent to a deployment for its lower cost. Summed by everything that says what they
would have cost otherwise."""

from collections.abc import Iterable
from typing import LiteralString

from psycopg import sql

from apps.finance.query import Query
from apps.ledger.models.rollup_keys import FULL_KEY, PROJECT

SUMMED_BY = tuple(name for name in FULL_KEY if name != "kind")
_OWN = tuple(name for name in SUMMED_BY if name != "project")  # columns of entries
WAYS = ("provider_cache", "batch", "cheaper_route")
_PARTS = ("day", *SUMMED_BY)
AMOUNTS = (*WAYS, "unknown")
# `moments` and `steps`: when a price begins or ends, and from which input on another holds. Between
# two of them, all lines of a class and tier of a deployment have the same alternatives. `alike`
# leaves of the steps those that held then, or what is rounded, and how, went by prices of other
# times. The bounds on `at` only help to find the day: three hours are more than a clock is ever
# turned back by.
_LINES: LiteralString = """
    SELECT {keys}, deployment, usage_class, tier, place,
        (%(alike)s::integer[])[place][length] AS step, instead_of,
        sum(quantity), sum(amount)
    FROM (
        SELECT {group} AS name, {by},
            line->>'usage_class' AS usage_class,
            coalesce(line->>'service_tier', %(standard)s) AS tier,
            width_bucket(at, %(moments)s::timestamptz[]) AS place,
            width_bucket(abs(input_tokens), %(steps)s::integer[]) AS length,
            coalesce(instead_of, '') AS instead_of,
            (line->>'quantity')::numeric AS quantity, (line->>'amount_pico')::numeric AS amount
        FROM unnest(%(days)s::date[]) AS wanted (day)
        JOIN ledger_entry ON at >= wanted.day::timestamp AT TIME ZONE %(zone)s - interval '3 hours'
            AND at < (wanted.day + 1)::timestamp AT TIME ZONE %(zone)s + interval '3 hours'
            AND (at AT TIME ZONE %(zone)s)::date = wanted.day
        LEFT JOIN (SELECT id AS routed, instead_of FROM ledger_attempt WHERE instead_of <> '')
            AS attempt ON routed = attempt_id
        CROSS JOIN jsonb_array_elements(lines) line
        WHERE (cached_tokens <> 0 OR lines @> %(batch_line)s::jsonb OR routed IS NOT NULL)
          AND (line->>'usage_class' = %(cache_read)s OR line->>'service_tier' = %(batch)s
               OR routed IS NOT NULL)
          AND line ? 'amount_pico' AND {which}
    ) AS found
    GROUP BY {keys}, {parts}, deployment, usage_class, tier, place, step, instead_of
"""
_SUMS: LiteralString = """
    SELECT {group} AS name, {sums} FROM finance_savedsum
    WHERE day = ANY(%(days)s) AND {which} GROUP BY name
"""
_TOUCHED = """
    SELECT DISTINCT (at AT TIME ZONE %(zone)s)::date AS day FROM ledger_entry
    WHERE xid >= (SELECT xid FROM finance_savedcursor)
"""
# The upper bound keeps out what another cluster wrote, before a dump of it was restored here.
KEPT = f"""
    SELECT day, prices FROM finance_savedday
    WHERE day BETWEEN %(first)s AND %(last)s
      AND day NOT IN ({_TOUCHED} AND xid < pg_snapshot_xmax(pg_current_snapshot()))
      AND EXISTS (
          SELECT FROM finance_savedcursor
          WHERE zone = %(zone)s AND xid <= pg_snapshot_xmax(pg_current_snapshot())
      )
"""  # noqa: S608 - no values in it
FORGET = f"""
    DELETE FROM finance_savedday
    WHERE day IN ({_TOUCHED} AND xid < (SELECT %(next)s::xid8))
"""  # noqa: S608
MOVE = "UPDATE finance_savedcursor SET xid = %(next)s::xid8"
CLEAR = ["DELETE FROM finance_savedday", "DELETE FROM finance_savedsum"]


def lines_of_days() -> str:
    """Of all entries, by day and `SUMMED_BY`."""
    return _lines(_named(_PARTS), _named(_PARTS), sql.SQL("''"), sql.SQL("true"))


def lines_of_groups(query: Query) -> str:
    """Of the query's entries, by the first dimension. Where sums are kept, each row is of one day
    and one place in `SUMMED_BY`, so that amounts are rounded as theirs. Parameters: the filters'
    `filter_0` … too."""
    parts = _PARTS if is_kept(query) else ("deployment",)
    return _lines(_named(["name"]), _named(parts), query.dimensions[0].column, _which(query))


def sums_of_groups(query: Query) -> str:
    """Of what is kept, by the first dimension."""
    sums = [sql.SQL("sum({})").format(sql.Identifier(name)) for name in AMOUNTS]
    return (
        sql.SQL(_SUMS)
        .format(
            group=query.dimensions[0].rolled,
            sums=sql.SQL(", ").join(sums),
            which=_which(query, kept=True),
        )
        .as_string(None)
    )


def is_kept(query: Query) -> bool:
    """Whether the sums of days know all that is asked for."""
    used = (*query.dimensions[:1], *(dimension for dimension, _ in query.filtered))
    return all(dimension.key in SUMMED_BY for dimension in used)


def _lines(
    keys: sql.Composable, parts: sql.Composable, group: sql.Composable, which: sql.Composable
) -> str:
    by = sql.SQL("wanted.day, {} AS project, {}").format(sql.SQL(PROJECT), _named(_OWN))
    return (
        sql.SQL(_LINES)
        .format(keys=keys, parts=parts, by=by, group=group, which=which)
        .as_string(None)
    )


def _named(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _which(query: Query, *, kept: bool = False) -> sql.Composable:
    tests: list[sql.Composable] = [
        sql.SQL("{} = ANY({})").format(
            dimension.rolled if kept else dimension.column, sql.Placeholder(f"filter_{n}")
        )
        for n, (dimension, _) in enumerate(query.filtered)
    ]
    return sql.SQL(" AND ").join(tests or [sql.SQL("true")])
