"""The statements that read, check and make anew the sums of calls; `models.call_sums` says what
they are, and keeps them."""

from typing import LiteralString

from psycopg import sql

from apps.ledger.models.call_sums import CALL_KEY, CALL_MEASURES, add, sums_of
from apps.ledger.models.sums_sql import each

# Entries of the calls that were sent on these days, as far as they are posted. What a call was
# booked by is no older than the call.
_SENT: LiteralString = """(
    SELECT entry.* FROM ledger_attempt sent JOIN ledger_entry entry ON entry.attempt_id = sent.id
    WHERE sent.started_at >= %(first)s::date::timestamp AT TIME ZONE 'UTC'
      AND sent.started_at < (%(last)s::date + 1)::timestamp AT TIME ZONE 'UTC'
      AND entry.at >= %(first)s::date - 2 AND entry.xid < (SELECT xid FROM ledger_rollupcursor)
    UNION ALL
    SELECT * FROM ledger_entry
    WHERE attempt_id IS NULL AND xid < (SELECT xid FROM ledger_rollupcursor)
      AND at >= %(first)s::date::timestamp AT TIME ZONE 'UTC'
      AND at < (%(last)s::date + 1)::timestamp AT TIME ZONE 'UTC'
)"""
# As in `report_sql`: with a cursor of another cluster nothing is posted, and a bound that keeps
# nothing out makes the planner go by transaction.
_UNPOSTED: LiteralString = """(
    SELECT * FROM ledger_entry
    WHERE xid >= coalesce((SELECT xid FROM posted), '0')
      AND xid <= (SELECT '18446744073709551615'::xid8) AND at >= %(at_first)s
)"""
_READ: LiteralString = """
    WITH posted AS MATERIALIZED (
        SELECT xid FROM ledger_rollupcursor WHERE xid <= pg_snapshot_xmax(pg_current_snapshot())
    ), found AS (
        SELECT {key}, {measures} FROM ledger_callsum
        WHERE EXISTS (SELECT FROM posted) AND {asked}
        UNION ALL
        SELECT {key}, {measures} FROM ({unposted}) AS unposted WHERE {asked}
    )
    SELECT {by} AS day, model, usage_class, sum(amount_pico), sum(quantity), sum(lines), sum(calls)
    FROM found GROUP BY day, model, usage_class
"""
_ASKED: LiteralString = "provider = %(provider)s AND {by} BETWEEN %(first)s AND %(last)s"
_DRIFT: LiteralString = """
    WITH kept AS (
        SELECT {key}, {measures} FROM ledger_callsum
        WHERE sent_day BETWEEN %(first)s AND %(last)s
    ), computed AS ({computed})
    SELECT sent_day, concat_ws(', ', provider, model, nullif(usage_class, ''), ended_day) AS what,
        {kept_or_0}, {computed_or_0}
    FROM kept FULL JOIN computed USING ({key})
    WHERE ({kept_measures}) IS DISTINCT FROM ({computed_measures})
    ORDER BY sent_day, what
"""


def _text(composed: sql.Composed) -> str:
    return composed.as_string(None)


def _read(by: str) -> str:
    name = sql.Identifier(by)
    return _text(
        sql.SQL(_READ).format(
            key=each(CALL_KEY),
            measures=each(CALL_MEASURES),
            unposted=sums_of(_UNPOSTED),
            by=name,
            asked=sql.SQL(_ASKED).format(by=name),
        )
    )


READ_SENT, READ_ENDED = _read("sent_day"), _read("ended_day")
CLEAR = "DELETE FROM ledger_callsum"
CLEAR_DAYS = f"{CLEAR} WHERE sent_day BETWEEN %(first)s AND %(last)s"
REBUILD_DAYS = _text(add(sums_of(_SENT)))
DRIFT = _text(
    sql.SQL(_DRIFT).format(
        key=each(CALL_KEY),
        measures=each(CALL_MEASURES),
        computed=sums_of(_SENT),
        kept_or_0=each(CALL_MEASURES, "coalesce(kept.{0}, 0)"),
        computed_or_0=each(CALL_MEASURES, "coalesce(computed.{0}, 0)"),
        kept_measures=each(CALL_MEASURES, "kept.{0}"),
        computed_measures=each(CALL_MEASURES, "computed.{0}"),
    )
)
