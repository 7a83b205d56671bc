"""Statements over the ledger's entries of a question, and over their price lines."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import LiteralString

from psycopg import sql

from apps.core.csv_lines import FORMULA
from apps.finance.query import Query
from apps.ledger.models import MENDING

# A zone's calendar decides about an entry's day; the bounds on `at` only help to find it.
_ASKED = """
    WITH asked AS (
        SELECT entry.*, (at AT TIME ZONE {zone})::date AS day FROM ledger_entry entry
        WHERE at >= {start} AND at < {end}
          AND (at AT TIME ZONE {zone})::date BETWEEN {first} AND {last} AND {which}
    )
"""
# Each entry's lines; what they leave of its amount, or an entry without any, is a line too, so that
# the lines of a question add up to it.
_LINES = """, line AS (
    SELECT asked.*, found.number, found.line, coalesce((found.line->>'amount_pico')::bigint, 0)
        AS line_pico
    FROM asked CROSS JOIN LATERAL jsonb_array_elements(lines) WITH ORDINALITY found (line, number)
    UNION ALL
    SELECT asked.*, 0, '{{}}'::jsonb, amount_pico - booked.pico
    FROM asked CROSS JOIN LATERAL (
        SELECT coalesce(sum((each.value->>'amount_pico')::bigint), 0)::bigint AS pico
        FROM jsonb_array_elements(lines) each
    ) booked
    WHERE amount_pico <> booked.pico OR jsonb_array_length(lines) = 0
)
"""
# What is booked later counts for the day of what it is about: a call's first entry, the entry that
# is taken back, an adjustment's own day.
_ABOUT = """coalesce(CASE
    WHEN kind IN ('reversal', 'correction', 'late_charge') THEN (coalesce(
        {first},
        (SELECT original.at FROM ledger_entry original WHERE original.id = {table}.reverses_id)
    ) AT TIME ZONE {zone})::date
    WHEN kind IN ('provider_adjustment', 'credit') THEN
        (SELECT asked_for.day FROM ledger_adjustment asked_for WHERE asked_for.id = {table}.id)
    END, {table}.day)"""
_FIRST: LiteralString = """
    (SELECT min(first.at) FROM ledger_entry first WHERE first.attempt_id = {id})"""
# Reversal and correction come in pairs, and each look for a call's first entry is one into every
# month of the books: so once for each call.
_CORRECTIONS = """, mending AS MATERIALIZED (
    SELECT * FROM asked WHERE kind = ANY({kinds})
), call AS MATERIALIZED (
    SELECT attempt_id, {first} AS at FROM (SELECT DISTINCT attempt_id FROM mending) AS call
), mended AS (
    SELECT mending.*, {about} AS charged_on FROM mending LEFT JOIN call USING (attempt_id)
)
SELECT charged_on, date_trunc('month', day)::date AS booked_month, kind, service, model, reason,
    count(*), sum(amount_pico),
    count(*) OVER (), sum(count(*)) OVER ()::bigint, sum(sum(amount_pico)) OVER ()
FROM mended WHERE {whose}
GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6 LIMIT {limit}
"""
# Booked since, for days of the question.
_LATER = """
    WITH asked AS (
        SELECT entry.*, (at AT TIME ZONE {zone})::date AS day FROM ledger_entry entry
        WHERE at >= {end} AND (at AT TIME ZONE {zone})::date > {last} AND kind = ANY({kinds})
          AND {which}
    )
"""
_COUNT = "SELECT count(*), coalesce(sum(amount_pico), 0) FROM asked"
_COUNT_LINES = "SELECT count(*), coalesce(sum(line_pico), 0) FROM line"
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Column:
    """`is_free`: a text that callers or people chose, which a spreadsheet might compute."""

    value: str
    meaning: str
    is_free: bool = False


def usd(column: str) -> str:
    """Exact, as `exact_usd` writes it."""
    return f"({column}::numeric * 0.000000000001)::numeric(40, 12)::text"


_PRICE = "(line->>'price_pico')"
_TIME = """to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
_WHOSE: Mapping[str, Column] = {
    "entry": Column("id::text", "The entry's id in the ledger."),
    "at": Column(_TIME, "When it was booked, in UTC."),
    "day": Column("day::text", "Its day, in the zone of the report."),
    "kind": Column("kind", "charge, estimate, reversal, correction … (docs/ledger.md)."),
    "purpose": Column("purpose", "What it was spent on; empty: no provider was called."),
    **{
        name: Column(name, meaning, is_free=True)
        for name, meaning in (
            ("service", "Whose call it was."),
            ("team", "The service's team then."),
            ("cost_center", "The service's cost centre then."),
            ("provider", "Who was called."),
            ("model", "Which model."),
            ("deployment", "Where it runs."),
            ("prompt", "Which prompt; empty: none."),
            ("arm", "Arm of an experiment."),
            ("channel", "Channel of the prompt."),
        )
    },
    "prompt_version": Column("prompt_version::text", "0: no prompt."),
}
ENTRY: Mapping[str, Column] = {
    **_WHOSE,
    "tags": Column(
        "(SELECT coalesce(string_agg(tag, ' '), '') FROM jsonb_array_elements_text(tags) tag)",
        "The caller's tags.",
        is_free=True,
    ),
    "input_tokens": Column("input_tokens", "Negative where it takes an entry back."),
    "output_tokens": Column("output_tokens", "The same."),
    "cached_tokens": Column("cached_tokens", "Of the input, what the provider had in a cache."),
    "amount_usd": Column(usd("amount_pico"), "US dollars, exact to 10⁻¹²."),
    "avoided_usd": Column(usd("avoided_pico"), "What an answer from our cache had cost."),
    "request_id": Column("request_id", "Of the call.", is_free=True),
    "job": Column("coalesce(job_id::text, '')", "Of the call, if it was a job."),
    "attempt": Column("coalesce(attempt_id::text, '')", "The request to the provider."),
    "reverses": Column("coalesce(reverses_id::text, '')", "The entry that it takes back."),
    "reason": Column("reason", "Why it was booked so.", is_free=True),
    "actor": Column("actor", "Who decided it; empty: the platform.", is_free=True),
}
LINE: Mapping[str, Column] = {
    **_WHOSE,
    "meter": Column("coalesce(line->>'usage_class', '')", "Empty: an amount without usage."),
    "service_tier": Column("coalesce(line->>'service_tier', 'default')", "As it was billed."),
    "min_input_tokens": Column(
        "coalesce(line->>'min_input_tokens', '0')", "Input from which the price holds."
    ),
    "quantity": Column("coalesce(line->>'quantity', '0')", "Units of the meter."),
    "unit_price_usd": Column(
        f"coalesce({usd(_PRICE)}, '')",
        "US dollars for `units_per_price` units; empty: unpriced, or no usage.",
    ),
    "units_per_price": Column("coalesce(line->>'per_block', '')", "1 for tokens."),
    "price": Column("coalesce(line->>'price_id', '')", "Row of the price list."),
    "amount_usd": Column(usd("line_pico"), "US dollars, exact to 10⁻¹²."),
}


def asked(query: Query) -> sql.Composed:
    """`asked`: every entry of the question with its `day`."""
    start, end = query.days.bounds
    return sql.SQL(_ASKED).format(
        zone=sql.Literal(query.days.zone),
        start=sql.Literal(start - _DAY),
        end=sql.Literal(end + _DAY),
        first=sql.Literal(query.days.first),
        last=sql.Literal(query.days.last),
        which=_which(query),
    )


def _which(query: Query) -> sql.Composed:
    which = [
        sql.SQL("{} = ANY({})").format(dimension.column, sql.Literal(list(values)))
        for dimension, values in query.filtered
    ]
    return sql.SQL(" AND ").join([*which, sql.SQL("true")])


def lines(query: Query) -> sql.Composed:
    """`line`: every price line of the question, with all that its entry has."""
    return asked(query) + sql.SQL(_LINES).format()


def about(query: Query, table: str) -> sql.Composed:
    """The day that an entry of `table` is about."""
    return _about(query, table, sql.SQL(_FIRST).format(id=sql.Identifier(table, "attempt_id")))


def _about(query: Query, table: str, first: sql.Composable) -> sql.Composed:
    zone = sql.Literal(query.days.zone)
    return sql.SQL(_ABOUT).format(table=sql.Identifier(table), zone=zone, first=first)


def corrections(query: Query, *, limit: int) -> sql.Composed:
    """What is booked for days of an earlier month: day, month of booking, kind, service, model,
    reason, how many, amount; then of all rows, also beyond the limit: how many, entries, amount."""
    whose = sql.SQL("charged_on < date_trunc('month', day)::date")
    return asked(query) + _mended(query, whose, limit)


def later_corrections(query: Query, *, limit: int) -> sql.Composed:
    """What is booked in later months for days of the question; the same columns."""
    found = sql.SQL(_LATER).format(
        zone=sql.Literal(query.days.zone),
        end=sql.Literal(query.days.bounds[1] - _DAY),
        last=sql.Literal(query.days.last),
        kinds=sql.Literal(list(map(str, MENDING))),
        which=_which(query),
    )
    whose = sql.SQL("charged_on BETWEEN {} AND {}").format(
        sql.Literal(query.days.first), sql.Literal(query.days.last)
    )
    return found + _mended(query, whose, limit)


def _mended(query: Query, whose: sql.Composable, limit: int) -> sql.Composed:
    return sql.SQL(_CORRECTIONS).format(
        first=sql.SQL(_FIRST).format(id=sql.Identifier("call", "attempt_id")),
        about=_about(query, "mending", sql.SQL("call.at")),
        kinds=sql.Literal(list(map(str, MENDING))),
        whose=whose,
        limit=sql.Literal(limit),
    )


def count(query: Query) -> sql.Composed:
    return asked(query) + sql.SQL(_COUNT)


def count_lines(query: Query) -> sql.Composed:
    return lines(query) + sql.SQL(_COUNT_LINES)


def entries_select(query: Query, *, defused: bool) -> sql.Composed:
    return asked(query) + _select(ENTRY, "asked", "at, id", defused)


def lines_select(query: Query, *, defused: bool) -> sql.Composed:
    return lines(query) + _select(LINE, "line", "at, id, number", defused)


def _select(columns: Mapping[str, Column], table: str, order: str, defused: bool) -> sql.Composed:
    cells = [
        sql.SQL("{} AS {}").format(_cell(column, defused), sql.Identifier(name))
        for name, column in columns.items()
    ]
    tail = f" FROM {table} ORDER BY {order}"
    return sql.SQL("SELECT ") + sql.SQL(", ").join(cells) + sql.SQL(tail)


def _cell(column: Column, defused: bool) -> sql.Composable:
    value = sql.SQL(column.value)
    if not (defused and column.is_free):
        return value
    return sql.SQL("CASE WHEN {0} ~ {1} THEN '''' || {0} ELSE {0} END").format(
        value, sql.Literal(FORMULA)
    )
