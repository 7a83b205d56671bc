"""Price lines of a question summed to rows of FOCUS."""

from psycopg import sql

from apps.exports.entry_sql import lines
from apps.finance.query import Query

# What is booked later counts for the day of what it is about: a call's first entry, the entry that
# is taken back, an adjustment's own day.
_ROWS = """, charged AS (
    SELECT line.*, date_trunc('month', line.day)::date AS booked_month, coalesce(CASE
        WHEN kind IN ('reversal', 'correction', 'late_charge') THEN (coalesce(
            (SELECT min(first.at) FROM ledger_entry first
             WHERE first.attempt_id = line.attempt_id),
            (SELECT original.at FROM ledger_entry original WHERE original.id = line.reverses_id)
        ) AT TIME ZONE {zone})::date
        WHEN kind IN ('provider_adjustment', 'credit') THEN
            (SELECT asked_for.day FROM ledger_adjustment asked_for WHERE asked_for.id = line.id)
        END, line.day) AS charged_on
    FROM line
)
SELECT booked_month, charged_on, kind, provider, model, deployment, service, team, cost_center,
    prompt, prompt_version, arm, channel, line->>'usage_class' AS meter,
    (line->>'price_id')::bigint AS price_id, (line->>'price_pico')::bigint AS price_pico,
    coalesce((line->>'per_block')::bigint, 1) AS per_block,
    coalesce(line->>'service_tier', 'default') AS service_tier,
    coalesce((line->>'min_input_tokens')::bigint, 0) AS min_input_tokens,
    sum(coalesce((line->>'quantity')::bigint, 0))::bigint AS quantity,
    sum(line_pico) AS amount_pico, count(*) AS lines,
    sum(avoided_pico) FILTER (WHERE number = 0) AS avoided_pico
FROM charged
GROUP BY {keys} ORDER BY {keys}
"""
_KEYS = 19


def rows(query: Query) -> sql.Composed:
    """One for each booked month, day, kind, owner, meter and price; columns as `Row` has them."""
    keys = sql.SQL(", ").join(sql.SQL(str(number)) for number in range(1, _KEYS + 1))
    return lines(query) + sql.SQL(_ROWS).format(zone=sql.Literal(query.days.zone), keys=keys)
