"""A year of ledger entries from a seed: the same rows on every machine.

A shop with 30 services of 8 teams and 4 cost centres, 12 models on 24 deployments at 4 providers,
and 50 prompts of 4 versions each. Calls follow the clock and the week of the year's own time zone,
so a day of 23 or 25 hours is one. Prices fall once, by a tenth. Of 200 entries one is reversed
three days later and booked again at nine tenths of its price.

One month is dearer than the one before, for three planted reasons: 6 % more calls, the first month
of `DEAR_PROMPT`'s fourth version, which answers at three times the length, and `DEAR_MODEL`, whose
price rose by three fifths.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

from psycopg import Connection, sql

CHUNK = 250_000  # entries in a transaction

# What is called or billed → whose it is. Places in these lists are what the statement counts by.
TOPICS = {
    "order-status": "support",
    "returns": "support",
    "product-title": "catalogue",
    "product-text": "catalogue",
    "size-advice": "fashion",
    "search-words": "search",
    "newsletter": "marketing",
    "reviews": "community",
    "translation": "languages",
    "delivery": "logistics",
}
CENTRES = {
    "support": "customers",
    "community": "customers",
    "catalogue": "assortment",
    "fashion": "assortment",
    "search": "shop",
    "marketing": "sales",
    "languages": "shop",
    "logistics": "sales",
}
SERVICES = [f"{topic}-{place}" for place in ("web", "app", "desk") for topic in TOPICS]
PROMPTS = [
    f"{topic}{kind}" for kind in ("", "-short", "-mail", "-chat", "-check") for topic in TOPICS
]
MODELS = [
    *("writer-l", "writer-m", "writer-s", "reasoner-l", "reasoner-s", "reader-l"),
    *("reader-m", "reader-s", "coder-m", "translator-m", "vision-m", "tiny-s"),
]
PROVIDERS = ("northern", "openai", "azure", "own-servers")
REGIONS = ("eu", "us")
DEAR_PROMPT, DEAR_MODEL = "returns-chat", "reasoner-l"
CLASSES = ("in_uncached", "in_cache_read", "out_text")
WEEK = (100, 104, 106, 103, 96, 55, 48)  # calls of Monday to Sunday
GROWTH = 30  # per cent more calls at the end than at the beginning
MORE_IN_DEAR = 6  # per cent


def deployment(model: int, second: int) -> str:
    return f"{MODELS[model]}-{REGIONS[second]}"


def provider_of(model: int, second: int) -> str:
    return PROVIDERS[(model + second) % len(PROVIDERS)]


def price_pico(model: int, usage_class: str, period: int) -> int:
    """Of a token; `period` 0 before the fall, 1 after it, 2 from the dear month on."""
    tenths = 10 if period == 0 else 9
    fifths = 8 if period == 2 and MODELS[model] == DEAR_MODEL else 5
    plain = (1000 + 400 * model) * 100 * tenths * fifths  # in fiftieths, so that all are whole
    return {"in_uncached": plain * 10, "in_cache_read": plain, "out_text": plain * 40}[
        usage_class
    ] // 50


@dataclass(frozen=True)
class Year:
    """`rows` entries from the first day's beginning until `until`. `dear`: the first day of the
    dear month. `price_ids`: (place in `MODELS`, region, class, period) → row of the price list."""

    rows: int
    seed: int = 1
    first: date = date(2026, 1, 1)
    until: datetime = datetime(2027, 1, 1, tzinfo=UTC)
    zone: str = "UTC"
    dear: date = date(2026, 10, 1)
    price_ids: Any = None

    @cached_property
    def days(self) -> list[tuple[datetime, float, int, int]]:
        """Start, seconds, number of the first entry, and how many, of each day."""
        starts = list(self._starts())
        ends = [*starts[1:], self.until]
        lengths = [(end - start).total_seconds() for start, end in zip(starts, ends, strict=True)]
        weights = [self._weight(n, length) for n, length in enumerate(lengths)]
        found, begun, seen = [], 0, 0.0
        for start, length, weight in zip(starts, lengths, weights, strict=True):
            seen += weight
            after = round(self.rows * seen / sum(weights))
            found.append((start, length, begun, after - begun))
            begun = after
        return found

    @property
    def price_starts(self) -> list[datetime]:
        """Of the periods after the first."""
        a_third = self.first + (self.until.date() - self.first) / 3
        return [self._midnight(a_third), self._midnight(self.dear)]

    def _starts(self) -> Iterator[datetime]:
        day = self.first
        while (start := self._midnight(day)) < self.until:
            yield start
            day += timedelta(days=1)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), ZoneInfo(self.zone)).astimezone(UTC)

    def _weight(self, number: int, length: float) -> float:
        day = self.first + timedelta(days=number)
        is_dear = (day.year, day.month) == (self.dear.year, self.dear.month)
        growth = 100 + GROWTH * number / 365
        return WEEK[day.weekday()] * growth * (100 + MORE_IN_DEAR * is_dear) * length


# Column → its value. Another column is one more line.
COLUMNS: dict[str, LiteralString] = {
    "id": "entry_id",
    "at": "at",
    "kind": "kind",
    "purpose": "purpose",
    "amount_pico": "CASE WHEN kind = 'cache_hit' THEN 0 ELSE cost END",
    "avoided_pico": "CASE WHEN kind = 'cache_hit' THEN cost ELSE 0 END",
    "input_tokens": "sign * input",
    "output_tokens": "sign * output",
    "cached_tokens": "sign * cached",
    "lines": "CASE WHEN kind = 'cache_hit' THEN '[]' ELSE '[' || {line_in} || ',' || {line_out}"
    " || CASE WHEN cached = 0 THEN ']' ELSE ',' || {line_cached} || ']' END END",
    "attempt_id": "CASE WHEN kind <> 'cache_hit' THEN attempt_id END",
    "request_id": "'req_' || to_hex(base)",
    "reverses_id": "CASE WHEN kind = 'reversal' THEN base_id END",
    "reason": "CASE WHEN n > base THEN 'The price list was wrong.' ELSE '' END",
    "actor": "CASE WHEN n > base THEN 'finance' ELSE '' END",
    "service": "{services}[service + 1]",
    "team": "{teams}[service % 10 + 1]",
    "cost_center": "{centres}[service % 10 + 1]",
    "provider": "{providers}[(model + second) % 4 + 1]",
    "model": "{models}[model + 1]",
    "deployment": "{deployments}[model * 2 + second + 1]",
    "prompt": "{prompts}[prompt + 1]",
    "prompt_version": "version",
    "arm": "CASE WHEN prompt = 6 THEN 'tone/' || chr(97 + (dice >> 50)::int % 2) ELSE '' END",
    "channel": "CASE WHEN luck % 20 = 0 THEN 'staging' ELSE 'production' END",
    "tags": """CASE WHEN luck % 3 = 0 THEN '["project:spring"]'
        WHEN luck % 3 = 1 THEN '["project:autumn"]' ELSE '[]' END::jsonb""",
}
# Of an attempt, which a call has unless our cache answered it.
ATTEMPT: dict[str, LiteralString] = {
    "id": "attempt_id",
    "number": "CASE WHEN purpose IN ('retry', 'fallback') THEN 2 ELSE 1 END",
    "purpose": """CASE WHEN purpose IN ('failed', 'late') THEN 'answer' ELSE purpose END""",
    "why": "'first choice'",
    "instead_of": "CASE WHEN luck % 10 = 0 THEN 'vision-m-eu' ELSE '' END",
    "saved_tokens": "0",
    "status": "CASE WHEN purpose = 'failed' THEN 'failed' ELSE 'succeeded' END",
    "started_at": "moment - took",
    "ended_at": "moment",
    "first_token_ms": "(luck >> 8) % 900 + 80",
    "http_status": "200",
    "error_kind": "CASE WHEN purpose = 'failed' THEN 'bad_answer' ELSE '' END",
    "error": "''",
    "provider_request_id": "'call_' || to_hex(luck)",
    **{
        name: COLUMNS[name]
        for name in (
            *("request_id", "service", "team", "cost_center", "provider", "model", "deployment"),
            *("prompt", "prompt_version", "arm", "channel", "tags"),
        )
    },
}
# As text: Postgres takes four times as long to build JSON and write it out again.
_LINE: LiteralString = """format('{{"usage_class": "{0}", "quantity": %s, "price_id": %s,'
    ' "price_pico": %s, "per_block": 1, "amount_pico": %s}}', sign * ({1}), {2}, {3},
    sign * ({1}) * ({3}))"""
_LINES: dict[str, Sequence[LiteralString]] = {
    "line_in": ("in_uncached", "input - cached", "id_in", "in_price"),
    "line_out": ("out_text", "output", "id_out", "in_price * 4"),
    "line_cached": ("in_cache_read", "cached", "id_cached", "in_price / 10"),
}
_ID: LiteralString = """(lpad(to_hex((extract(epoch FROM {0}) * 1000)::bigint), 12, '0')
    || '7{1}8000' || lpad(to_hex({2}), 12, '0'))::uuid"""
# Each level may use the names of those before it. `base` is the entry itself, or the one that a
# reversal and a correction are about, so that they agree in everything. OFFSET 0 keeps each level
# as it is: merged into one, its expressions would be computed again wherever they are used.
_ROWS: LiteralString = """
    FROM generate_series({first}::bigint, {last}) n,
    LATERAL (SELECT n - CASE n % 200 WHEN 198 THEN 1 WHEN 199 THEN 2 ELSE 0 END AS base OFFSET 0) a,
    LATERAL (SELECT abs(hashint8extended(base, {seed})) AS dice,
        abs(hashint8extended(base, {seed} + 1)) AS luck, n - base AS after,
        width_bucket(base, {firsts}::bigint[]) AS day OFFSET 0) b,
    LATERAL (SELECT (base - {firsts}[day])::float / greatest({counts}[day], 1) AS part OFFSET 0) c,
    LATERAL (SELECT {starts}[day] + {lengths}[day] * interval '1 second'
        * least(part + 0.10 * sin(2 * pi() * part), 0.999999) AS moment OFFSET 0) d,
    LATERAL (SELECT least(moment + after * interval '36 hours', {until}) AS at,
        CASE WHEN luck % 4 = 0 THEN dice % 6 ELSE dice % 30 END AS service,
        150 + (dice >> 16) % 1350 AS input, CASE WHEN (dice >> 8) % 10 = 0 THEN 1 ELSE 0 END
            AS second,
        CASE after WHEN 1 THEN 'reversal' WHEN 2 THEN 'correction' ELSE
            CASE WHEN n % 200 = 197 THEN 'charge' WHEN (dice >> 24) % 100 < 5 THEN 'cache_hit'
            WHEN (dice >> 24) % 100 < 7 THEN 'estimate' ELSE 'charge' END END AS kind,
        CASE after WHEN 1 THEN -1 ELSE 1 END AS sign OFFSET 0) e,
    LATERAL (SELECT (service % 10 + dice / 30 % 5 * 10)::int AS prompt,
        CASE WHEN (luck >> 20) % 10 < 3 AND kind <> 'estimate' THEN input / 2 / 10 * 10 ELSE 0 END
            AS cached,
        CASE WHEN kind = 'cache_hit' THEN '' WHEN second = 1 THEN 'fallback'
            ELSE CASE WHEN (luck >> 40) % 100 < 2 THEN 'failed' WHEN (luck >> 40) % 300 = 2
            THEN 'late' WHEN (dice >> 40) % 29 = 0 THEN 'retry' ELSE 'answer' END END AS purpose
        OFFSET 0) f,
    LATERAL (SELECT prompt % 12 AS model,
        CASE WHEN prompt = {dear_prompt} AND moment >= {dear} THEN 4
            WHEN prompt = {dear_prompt} THEN 1 + least(2, base * 4 / {rows})
            ELSE 1 + base * 4 / {rows} END::int AS version,
        CASE WHEN moment < {price_starts}[1] THEN 0 WHEN moment < {price_starts}[2] THEN 1 ELSE 2
            END AS period OFFSET 0) g,
    LATERAL (SELECT (1 + (dice >> 32) % 400) * CASE WHEN prompt = {dear_prompt} AND version = 4
            THEN 3 ELSE 1 END AS output, (model * 2 + second) * 3 + period + 1 AS place,
        (300 + (luck >> 12) % 4000) * interval '1 millisecond' AS took OFFSET 0) h,
    LATERAL (SELECT {prices}[place] / 10 * CASE after WHEN 2 THEN 9 ELSE 10 END AS in_price,
        {ids_in}[place] AS id_in, {ids_cached}[place] AS id_cached, {ids_out}[place] AS id_out
        OFFSET 0) i,
    LATERAL (SELECT sign * ((input - cached) * in_price + cached * (in_price / 10)
            + output * in_price * 4) AS cost,
        {entry_id} AS entry_id, {base_id} AS base_id, {attempt_id} AS attempt_id OFFSET 0) j
"""
_WHICH_ATTEMPTS: LiteralString = " WHERE after = 0 AND kind <> 'cache_hit'"
KEYS = """
    INSERT INTO ledger_entrykey (id, attempt_id, slot, reverses_id)
    SELECT id, attempt_id, CASE WHEN kind IN ('charge', 'estimate') THEN kind ELSE '' END,
        reverses_id
    FROM ledger_entry
"""


def select(*, first: int, last: int, year: Year) -> sql.Composed:
    """Entries number `first` to `last` (both included)."""
    return _select(COLUMNS, first, last, year)


def select_attempts(*, first: int, last: int, year: Year) -> sql.Composed:
    """The attempts of these entries."""
    return _select(ATTEMPT, first, last, year) + sql.SQL(_WHICH_ATTEMPTS)


def names(columns: dict[str, LiteralString] = COLUMNS) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def copy_entries(maker: Connection[Any], writer: Connection[Any], *, year: Year) -> None:
    """All entries into their partitions by COPY: one connection makes them, the other writes."""
    for first in range(0, year.rows, CHUNK):
        made = select(first=first, last=min(first + CHUNK, year.rows) - 1, year=year)
        _copy(maker, writer, made, sql.SQL("ledger_entry ({})").format(names()))


def copy_attempts(maker: Connection[Any], writer: Connection[Any], *, year: Year) -> None:
    for first in range(0, year.rows, CHUNK):
        made = select_attempts(first=first, last=min(first + CHUNK, year.rows) - 1, year=year)
        _copy(maker, writer, made, sql.SQL("ledger_attempt ({})").format(names(ATTEMPT)))


def _copy(
    maker: Connection[Any], writer: Connection[Any], made: sql.Composed, into: sql.Composed
) -> None:
    source = sql.SQL("COPY ({}) TO STDOUT").format(made)
    target = sql.SQL("COPY {} FROM STDIN").format(into)
    with maker.cursor().copy(source) as out, writer.cursor().copy(target) as in_:
        for block in out:
            in_.write(block)
    writer.commit()


def _select(columns: dict[str, LiteralString], first: int, last: int, year: Year) -> sql.Composed:
    values = {"first": sql.Literal(first), "last": sql.Literal(last), **_values(year)}
    parts = [sql.SQL(value).format(**values) for value in columns.values()]
    return sql.SQL("SELECT {} ").format(sql.SQL(", ").join(parts)) + sql.SQL(_ROWS).format(**values)


def _values(year: Year) -> dict[str, sql.Composable]:
    teams = list(TOPICS.values())
    places = [(model, second) for model in range(len(MODELS)) for second in range(2)]
    starts, lengths, firsts, counts = zip(*year.days, strict=True)
    literals: dict[str, Any] = {"seed": year.seed, "rows": year.rows}
    literals |= {"until": year.until, "dear": year.price_starts[-1]}
    literals |= {"dear_prompt": PROMPTS.index(DEAR_PROMPT)}
    arrays: dict[str, tuple[LiteralString, Sequence[Any]]] = {
        "starts": ("timestamptz", starts),
        "lengths": ("float", lengths),
        "firsts": ("bigint", firsts),
        "counts": ("bigint", counts),
        "price_starts": ("timestamptz", year.price_starts),
        "services": ("text", SERVICES),
        "teams": ("text", teams),
        "centres": ("text", [CENTRES[team] for team in teams]),
        "providers": ("text", PROVIDERS),
        "models": ("text", MODELS),
        "deployments": ("text", [deployment(*place) for place in places]),
        "prompts": ("text", PROMPTS),
        "prices": (
            "bigint",
            [price_pico(model, "in_uncached", n) for model, _ in places for n in range(3)],
        ),
        **{
            name: ("bigint", [_price_id(year, *place, of, n) for place in places for n in range(3)])
            for name, of in zip(("ids_in", "ids_cached", "ids_out"), CLASSES, strict=True)
        },
    }
    found: dict[str, sql.Composable] = {name: sql.Literal(v) for name, v in literals.items()}
    for name, (kind, items) in arrays.items():
        found[name] = sql.SQL("({}::{}[])").format(sql.Literal(list(items)), sql.SQL(kind))
    for name, parts in {
        "entry_id": ("at", "000", "n"),
        "base_id": ("moment", "000", "base"),
        "attempt_id": ("moment", "001", "base"),
    }.items():
        found[name] = sql.SQL(_ID).format(*map(sql.SQL, parts))  # type: ignore[arg-type]
    for name, parts in _LINES.items():
        found[name] = sql.SQL(_LINE).format(*map(sql.SQL, parts))
    return found


def _price_id(year: Year, model: int, second: int, usage_class: str, period: int) -> int:
    place = ((model * 2 + second) * len(CLASSES) + CLASSES.index(usage_class)) * 3 + period
    return place + 1 if year.price_ids is None else int(year.price_ids[place])
