"""Price lines of a question summed to rows of FOCUS."""

from psycopg import sql

from apps.exports.entry_sql import about, lines
from apps.finance.query import Query

_ROWS = """, charged AS (
    SELECT line.*, date_trunc('month', line.day)::date AS booked_month, {about} AS charged_on
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
    return lines(query) + sql.SQL(_ROWS).format(about=about(query, "line"), keys=keys)
