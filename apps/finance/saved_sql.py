"""Lines of the ledger that cost less than they might have: read from a provider's cache, or billed
in its batch tier. Summed by everything that says what they would have cost otherwise."""

from typing import LiteralString

from psycopg import sql

from apps.finance.query import Query

# `moments` and `steps`: when a price begins or ends, and from which input on another holds. Between
# two of them, all lines of a class and tier of a deployment have the same alternatives.
_LINES: LiteralString = """
    SELECT {group}, deployment, line->>'usage_class',
        coalesce(line->>'service_tier', %(standard)s),
        width_bucket(at, %(moments)s::timestamptz[]),
        width_bucket(abs(input_tokens), %(steps)s::integer[]),
        sum((line->>'quantity')::numeric), sum((line->>'amount_pico')::numeric)
    FROM ledger_entry, jsonb_array_elements(lines) line
    WHERE at >= %(start)s AND at < %(end)s
      AND (at AT TIME ZONE %(zone)s)::date BETWEEN %(first)s AND %(last)s
      AND (cached_tokens <> 0 OR lines @> %(batch_line)s::jsonb)
      AND (line->>'usage_class' = %(cache_read)s OR line->>'service_tier' = %(batch)s)
      AND line ? 'amount_pico' AND {which}
    GROUP BY 1, 2, 3, 4, 5, 6
"""


def statement(query: Query) -> str:
    """Parameters: those above, and the filters' `filter_0` …"""
    tests: list[sql.Composable] = [
        sql.SQL("{} = ANY({})").format(dimension.column, sql.Placeholder(f"filter_{n}"))
        for n, (dimension, _) in enumerate(query.filtered)
    ]
    which = sql.SQL(" AND ").join(tests or [sql.SQL("true")])
    group = query.dimensions[0].column
    return sql.SQL(_LINES).format(group=group, which=which).as_string(None)
