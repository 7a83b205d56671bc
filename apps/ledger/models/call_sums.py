"""How entries are summed as providers bill them: by the days of UTC on which their calls were sent
and ended, whenever they were booked; and the trigger that keeps these sums.

It follows the cursor of the rollups, in the database, so that whoever moves it posts them too:
also processes of the release before, which know nothing of them.
"""

from typing import LiteralString

import pgtrigger
from psycopg import sql

from apps.ledger.models.books import EntryKind
from apps.ledger.models.sums_sql import each

CALL_KEY = ("sent_day", "ended_day", "provider", "model", "usage_class")
CALL_MEASURES = ("amount_pico", "quantity", "lines", "calls")
# What no provider was sent, and what was booked by hand about no call.
_NO_CALLS = (EntryKind.CACHE_HIT, EntryKind.PROVIDER_ADJUSTMENT, EntryKind.CREDIT)
# One for each booked call; the other kinds mend these.
_CALLS = (EntryKind.CHARGE, EntryKind.ESTIMATE, EntryKind.UNPRICED, EntryKind.CONFLICT)
# Nothing of a call is booked before these.
_FIRST = (EntryKind.CHARGE, EntryKind.ESTIMATE)

# A call ended when its first entry was booked. OFFSET 0 makes the planner find attempts by their
# ids and entries by their attempts, where it would read all attempts, or a day's entries for each.
_OF_CALLS: LiteralString = """
    SELECT coalesce(attempt.provider, entry.provider) AS provider, entry.model, entry.kind,
        entry.amount_pico, entry.lines,
        (coalesce(attempt.started_at, entry.at) AT TIME ZONE 'UTC')::date AS sent_day,
        (coalesce((
            SELECT min(at) FROM (
                SELECT first.at FROM ledger_entry first
                WHERE entry.kind NOT IN ({first}) AND first.attempt_id = entry.attempt_id
                  AND first.at >= attempt.started_at - interval '1 day' AND first.at <= entry.at
                OFFSET 0
            ) AS booked
        ), entry.at) AT TIME ZONE 'UTC')::date AS ended_day
    FROM {entries} AS entry LEFT JOIN LATERAL (
        SELECT provider, started_at FROM ledger_attempt WHERE id = entry.attempt_id OFFSET 0
    ) AS attempt ON true
    WHERE entry.attempt_id IS NOT NULL OR entry.kind NOT IN ({no_calls})
"""
# Its lines by their class; the call itself, and an amount without lines, of no class.
_SUMS: LiteralString = """
    SELECT {key}, sum(part.amount_pico) AS amount_pico, sum(part.quantity) AS quantity,
        sum(part.lines) AS lines, sum(part.calls) AS calls
    FROM ({calls}) AS call, LATERAL (
        SELECT coalesce(line->>'usage_class', '') AS usage_class,
            coalesce((line->>'amount_pico')::numeric, 0) AS amount_pico,
            (line->>'quantity')::numeric AS quantity, 1 AS lines, 0 AS calls
        FROM jsonb_array_elements(call.lines) AS line
        UNION ALL
        SELECT '', CASE WHEN call.lines = '[]' THEN call.amount_pico ELSE 0 END, NULL,
            (call.lines = '[]')::int, (call.kind IN ({called}))::int
    ) AS part
    GROUP BY {key}
"""
_ADD: LiteralString = """
    INSERT INTO ledger_callsum AS kept ({key}, {measures})
    SELECT {key}, {measures} FROM ({sums}) AS moved ORDER BY {key}
    ON CONFLICT ({key}) DO UPDATE SET
        amount_pico = kept.amount_pico + excluded.amount_pico,
        quantity = coalesce(kept.quantity + excluded.quantity, kept.quantity, excluded.quantity),
        lines = kept.lines + excluded.lines,
        calls = kept.calls + excluded.calls
"""
_MOVED: LiteralString = """(
    SELECT * FROM ledger_entry WHERE xid >= OLD.xid AND xid < NEW.xid
)"""
# Postgres expects a hundred lines of each entry, and would compile for longer than it computes.
_FOLLOW: LiteralString = """
    IF NEW.xid < OLD.xid OR NEW.zone <> OLD.zone THEN
        DELETE FROM ledger_callsum;
    ELSE
        PERFORM set_config('jit', 'off', true);
        {add};
    END IF;
    RETURN NULL;
"""


def sums_of(entries: LiteralString) -> sql.Composed:
    """Rows of `CALL_KEY` and `CALL_MEASURES`. `entries`: a table, or a query in brackets."""
    calls = sql.SQL(_OF_CALLS).format(
        entries=sql.SQL(entries), first=_kinds(_FIRST), no_calls=_kinds(_NO_CALLS)
    )
    return sql.SQL(_SUMS).format(key=each(CALL_KEY), calls=calls, called=_kinds(_CALLS))


def add(sums: sql.Composed) -> sql.Composed:
    """A statement that adds these rows to those that are kept."""
    return sql.SQL(_ADD).format(key=each(CALL_KEY), measures=each(CALL_MEASURES), sums=sums)


def trigger() -> pgtrigger.Trigger:
    func = sql.SQL(_FOLLOW).format(add=add(sums_of(_MOVED)))
    return pgtrigger.Trigger(
        name="calls_follow",
        when=pgtrigger.After,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(
            "OLD.xid IS DISTINCT FROM NEW.xid OR OLD.zone IS DISTINCT FROM NEW.zone"
        ),
        func=func.as_string(None),
    )


def _kinds(kinds: tuple[EntryKind, ...]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Literal(str(kind)) for kind in kinds)
