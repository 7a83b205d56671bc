"""Many calls priced in Postgres, exactly as `apps.ledger.pricing` prices one.

Which price a meter has is decided by that very code, once for each segment, service tier and step;
here each line only looks it up and multiplies. A price for a block of units is rounded half to even
for each line, in integers.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from apps.ledger.models import EntryKind
from apps.ledger.pricing import REQUESTS, has_fee, prices_for, row_of
from apps.registry.models import UsageClass
from apps.repricing.types import LACKING, LEFT, NEWLY, PRICED, Segment

# Estimates wait for the truth, contested usage for a decision: their numbers are nobody's yet.
KINDS = (EntryKind.CHARGE, EntryKind.LATE_CHARGE, EntryKind.CORRECTION, EntryKind.UNPRICED)

# `call`: the entries that stand of calls sent in a segment. `line`: their price lines, with the fee
# for a request where one is asked for that they have none of; of an entry that stays, one without a
# meter. An entry's key says whether it was reversed, without reading any month of the ledger.
_LINES = """
    WITH segment AS MATERIALIZED (
        SELECT * FROM json_to_recordset(%(segments)s) AS given(
            number int, deployment text, since timestamptz, until timestamptz, has_fee bool)
    ), rate AS MATERIALIZED (
        SELECT * FROM json_to_recordset(%(rates)s) AS given(
            segment int, service_tier text, usage_class text, from_tokens bigint,
            until_tokens bigint, price_pico numeric, per_block numeric, price_id bigint)
    ), call AS (
        SELECT entry.id, entry.attempt_id, entry.kind, entry.model, entry.deployment,
            entry.amount_pico, entry.lines, segment.number AS segment, segment.has_fee, told.*
        FROM segment
        JOIN ledger_attempt attempt ON attempt.deployment = segment.deployment
            AND attempt.started_at >= segment.since AND attempt.started_at < segment.until
        JOIN ledger_entry entry ON entry.attempt_id = attempt.id
        CROSS JOIN LATERAL (
            SELECT entry.kind = ANY(%(kinds)s) AND count(*) > 0
                    AND bool_and(usage_class IS NOT NULL) AS is_told,
                coalesce(min(service_tier), 'default') AS service_tier,
                coalesce(sum(quantity) FILTER (WHERE starts_with(usage_class, 'in_')), 0)
                    AS input_tokens,
                coalesce(bool_or(usage_class = %(requests)s), false) AS has_requests
            FROM jsonb_to_recordset(entry.lines)
                AS each(usage_class text, quantity bigint, service_tier text)
        ) told
        WHERE attempt.started_at >= %(start)s AND attempt.started_at < %(end)s
          AND entry.at >= %(start)s::timestamptz - interval '1 day'
          AND entry.kind <> 'reversal'
          AND NOT EXISTS (SELECT FROM ledger_entrykey key WHERE key.reverses_id = entry.id)
    ), line AS MATERIALIZED (
        SELECT call.id, call.attempt_id, call.kind, call.model, call.deployment, call.amount_pico,
            call.service_tier, used.place, used.usage_class, used.quantity, used.booked,
            rate.price_id, CASE WHEN rate.per_block = 1 THEN priced.product ELSE
                div(priced.product, rate.per_block) + CASE
                    WHEN 2 * mod(priced.product, rate.per_block) > rate.per_block
                      OR 2 * mod(priced.product, rate.per_block) = rate.per_block
                         AND mod(div(priced.product, rate.per_block), 2) = 1
                    THEN 1 ELSE 0 END
            END AS amount
        FROM call
        CROSS JOIN LATERAL (
            SELECT place, usage_class, quantity, coalesce(amount_pico, 0) AS booked
            FROM ROWS FROM (jsonb_to_recordset(call.lines)
                AS (usage_class text, quantity bigint, amount_pico bigint))
                WITH ORDINALITY AS each(usage_class, quantity, amount_pico, place)
            WHERE call.is_told AND quantity <> 0
            UNION ALL
            SELECT 0, %(requests)s, 1, 0
            WHERE call.is_told AND call.has_fee AND NOT call.has_requests
            UNION ALL
            SELECT 1, NULL, NULL, call.amount_pico WHERE NOT call.is_told
        ) used
        LEFT JOIN rate ON rate.segment = call.segment AND rate.service_tier = call.service_tier
            AND rate.usage_class = used.usage_class AND call.input_tokens >= rate.from_tokens
            AND (rate.until_tokens IS NULL OR call.input_tokens < rate.until_tokens)
        CROSS JOIN LATERAL (SELECT used.quantity * rate.price_pico AS product) priced
    )
"""
_BY_METER = """, named AS (
    SELECT line.*, CASE
        WHEN usage_class IS NULL THEN %(left)s
        WHEN id IN (SELECT id FROM line WHERE usage_class IS NOT NULL AND amount IS NULL)
            THEN %(lacking)s
        WHEN kind = 'unpriced' THEN %(newly)s ELSE %(priced)s END AS part
    FROM line
)
SELECT part, CASE WHEN part = %(left)s THEN kind ELSE '' END AS kept, model, deployment,
    usage_class, service_tier, CASE WHEN price_id = ANY(%(asked)s) THEN price_id END AS price,
    count(*) FILTER (WHERE place = 1), count(*), sum(quantity), sum(booked), sum(amount)
FROM named GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7
"""
# What is to be corrected: entries that have a price for each meter, and another amount.
_NOTED = """
INSERT INTO repricing_recostitem
    (recost_id, entry_id, attempt_id, before_pico, after_pico, outcome)
SELECT %(recost)s, id, attempt_id, amount_pico, sum(amount), ''
FROM line GROUP BY id, attempt_id, amount_pico
HAVING bool_and(amount IS NOT NULL) AND sum(amount) <> amount_pico
"""
PREVIEW = _LINES + _BY_METER
ITEMS = _LINES + _NOTED


def parameters(segments: Sequence[Segment], *, start: datetime, end: datetime) -> dict[str, Any]:
    """For calls sent from `start` to before `end`."""
    numbered = list(enumerate(segments))
    return {
        "segments": json.dumps([_span(number, one) for number, one in numbered]),
        "rates": json.dumps([row for number, one in numbered for row in _of(number, one)]),
        "kinds": list(KINDS),
        "requests": REQUESTS,
        "start": start,
        "end": end,
        **{name: name for name in (PRICED, NEWLY, LACKING, LEFT)},
    }


def _span(number: int, segment: Segment) -> dict[str, Any]:
    return {
        "number": number,
        "deployment": segment.deployment,
        "since": segment.since.isoformat(),
        "until": segment.until.isoformat(),
        "has_fee": has_fee(segment.rows),
    }


def _of(number: int, segment: Segment) -> Iterator[dict[str, Any]]:
    """The price of every meter in each tier, from one step to the next."""
    for tier in {row.service_tier for row in segment.rows}:
        steps = sorted({row.min_input_tokens for row in segment.rows if row.service_tier == tier})
        for begins, ends in zip(steps, [*steps[1:], None], strict=True):
            holding = prices_for(segment.rows, tier=tier, input_tokens=begins)
            for name in UsageClass.values:
                if row := row_of(name, holding):
                    yield {
                        "segment": number,
                        "service_tier": tier,
                        "usage_class": name,
                        "from_tokens": begins,
                        "until_tokens": ends,
                        "price_pico": row.price_pico,
                        "per_block": row.per_block,
                        "price_id": row.price_id,
                    }
