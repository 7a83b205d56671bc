"""A year of ledger entries from a seed: the same rows on every machine.

365 days from 2026-01-01; 30 services of 8 teams, 12 models on 24 deployments at 4 providers, 50
prompts of 4 versions each; prices fall twice. Of 200 entries one is reversed three days later and
booked again at nine tenths. One price line for input and one for output; no attempts.
"""

from typing import Any, LiteralString

from psycopg import Connection, sql

CHUNK = 250_000  # entries in a transaction
# Column → its value. Another column is one more line.
COLUMNS: dict[str, LiteralString] = {
    "id": "lpad(to_hex(n), 32, '0')::uuid",
    "at": "moment + CASE WHEN n > base THEN interval '3 days' ELSE interval '0' END",
    "kind": "kind",
    "purpose": "purpose",
    "amount_pico": "CASE WHEN kind = 'cache_hit' THEN 0 ELSE in_amount + out_amount END",
    "avoided_pico": "CASE WHEN kind = 'cache_hit' THEN in_amount + out_amount ELSE 0 END",
    "input_tokens": "sign * input",
    "output_tokens": "sign * output",
    "lines": """CASE WHEN kind = 'cache_hit' THEN '[]' ELSE jsonb_build_array(
        jsonb_build_object('usage_class', 'in_uncached', 'quantity', input, 'price_id', price * 2,
            'price_pico', in_price, 'per_block', 1, 'amount_pico', in_amount),
        jsonb_build_object('usage_class', 'out_text', 'quantity', output, 'price_id', price * 2 + 1,
            'price_pico', out_price, 'per_block', 1, 'amount_pico', out_amount)) END""",
    "tags": "'[]'::jsonb",
    "request_id": "'req_' || base",
    "reverses_id": """CASE WHEN kind = 'reversal'
        THEN lpad(to_hex(base), 32, '0')::uuid END""",
    "reason": "CASE WHEN n > base THEN 'A wrong price.' ELSE '' END",
    "actor": "''",
    "service": "'service-' || service",
    "team": "'team-' || service % 8",
    "cost_center": "'centre-' || service % 4",
    "provider": "'provider-' || deployment % 4",
    "model": "'model-' || deployment / 2",
    "deployment": "'deployment-' || deployment",
    "prompt": "'prompt-' || prompt",
    "prompt_version": "version",
    "arm": "CASE WHEN prompt = 0 THEN 'tone/a' ELSE '' END",
}
# Each level may use the names of those before it. `base` is the entry itself, or the one that a
# reversal and a correction are about, so that they agree in everything.
_ROWS: LiteralString = """
    FROM generate_series({first}::bigint, {last}) n,
    LATERAL (SELECT n - CASE n % 200 WHEN 198 THEN 1 WHEN 199 THEN 2 ELSE 0 END AS base) a,
    LATERAL (SELECT abs(hashint8extended(base, {seed})) AS dice,
        timestamptz '2026-01-01 00:00+00' + interval '365 days' * (base::float / {rows}) AS moment,
        1 + base * 4 / {rows} AS version, base * 3 / {rows} AS period) b,
    LATERAL (SELECT dice % 30 AS service, 100 + (dice >> 16) % 900 AS input,
        1 + (dice >> 32) % 400 AS output,
        CASE WHEN (dice >> 8) % 10 = 0 THEN 1 ELSE 0 END AS second,
        CASE WHEN n % 200 = 198 THEN 'reversal' WHEN n % 200 = 199 THEN 'correction'
            WHEN n % 200 = 197 THEN 'charge' WHEN (dice >> 24) % 100 < 5 THEN 'cache_hit'
            WHEN (dice >> 24) % 100 < 7 THEN 'estimate' ELSE 'charge' END AS kind) c,
    LATERAL (SELECT service % 10 + dice / 30 % 5 * 10 AS prompt,
        CASE WHEN kind = 'reversal' THEN -1 ELSE 1 END AS sign,
        CASE WHEN kind = 'cache_hit' THEN '' WHEN second = 1 THEN 'fallback'
            WHEN (dice >> 40) % 29 = 0 THEN 'retry' ELSE 'answer' END AS purpose) d,
    LATERAL (SELECT prompt % 12 * 2 + second AS deployment, prompt % 12 * 3 + period AS price,
        (50 + 20 * (prompt % 12)) * (1000 - 100 * period) AS in_price) e,
    LATERAL (SELECT in_price * 4 AS out_price,
        CASE WHEN kind = 'correction' THEN 9 ELSE 10 END * sign AS tenths) f,
    LATERAL (SELECT input * in_price / 10 * tenths AS in_amount,
        output * out_price / 10 * tenths AS out_amount) g
"""
KEYS = """
    INSERT INTO ledger_entrykey (id, slot, reverses_id)
    SELECT id, CASE WHEN kind IN ('charge', 'estimate') THEN kind ELSE '' END, reverses_id
    FROM ledger_entry
"""


def select(*, first: int, last: int, rows: int, seed: int) -> sql.Composed:
    """Entries number `first` to `last` (both included) of a year of `rows`."""
    values = {"first": first, "last": last, "rows": rows, "seed": seed}
    literals = {name: sql.Literal(value) for name, value in values.items()}
    columns = sql.SQL(", ").join(map(sql.SQL, COLUMNS.values()))
    return sql.SQL("SELECT {} ").format(columns) + sql.SQL(_ROWS).format(**literals)


def names() -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, COLUMNS))


def copy_entries(maker: Connection[Any], writer: Connection[Any], *, rows: int, seed: int) -> None:
    """All entries into their partitions by COPY: one connection makes them, the other writes."""
    for first in range(0, rows, CHUNK):
        last = min(first + CHUNK, rows) - 1
        made = select(first=first, last=last, rows=rows, seed=seed)
        source = sql.SQL("COPY ({}) TO STDOUT").format(made)
        target = sql.SQL("COPY ledger_entry ({}) FROM STDIN").format(names())
        with maker.cursor().copy(source) as out, writer.cursor().copy(target) as in_:
            for block in out:
                in_.write(block)
        writer.commit()
