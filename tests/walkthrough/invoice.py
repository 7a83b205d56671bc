"""What providers bill for a month, made of the ledger by SQL of our own, with errors planted."""

from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Any

import psycopg

from apps.core.money import PICO, exact_usd

_SUMS = """
    WITH call AS (
        SELECT (attempt.started_at AT TIME ZONE 'UTC')::date AS day, entry.*
        FROM ledger_attempt attempt JOIN ledger_entry entry ON entry.attempt_id = attempt.id
        WHERE attempt.provider = %(provider)s
          AND attempt.started_at >= %(first)s::date::timestamp AT TIME ZONE 'UTC'
          AND attempt.started_at < (%(last)s::date + 1)::timestamp AT TIME ZONE 'UTC'
          AND entry.at >= %(first)s::date - 2
    ), sent AS (
        SELECT day, model, count(*) FILTER (WHERE kind IN ('charge', 'estimate')) AS calls
        FROM call GROUP BY day, model
    )
    SELECT day, model, line->>'usage_class', calls, sum((line->>'quantity')::bigint)::bigint,
        sum((line->>'amount_pico')::numeric)::numeric
    FROM call JOIN sent USING (day, model), jsonb_array_elements(lines) line
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3
"""
_WORDS = {"in_uncached": "input", "in_cache_read": "cached input", "out_text": "output"}
_AZURE = {"in_uncached": "Inp", "in_cache_read": "cd Inp", "out_text": "Outp"}


@dataclass(frozen=True)
class Line:
    day: date
    model: str
    meter: str
    calls: int
    quantity: int
    pico: int
    type: str = "usage"


Lines = dict[Any, Line]


def lines_of(database_url: str, provider: str, first: date, last: date) -> Lines:
    """(day, model, meter) → what the ledger says; days are of UTC, as providers bill."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(_SUMS, {"provider": provider, "first": first, "last": last})
        return {
            (day, model, meter): Line(day, model, meter, calls, quantity, int(pico))
            for day, model, meter, calls, quantity, pico in rows
        }


def plant(lines: Lines) -> dict[str, int]:
    """One error of each kind, each at days and models of its own; column → what it comes to."""
    days = sorted({line.day for line in lines.values()})
    models = sorted({line.model for line in lines.values()})
    free = iter(_cells(lines, days, models))
    planted: dict[str, int] = {}
    planted["capture"] = _gone(lines, next(free)) + _twice(lines, next(free))
    planted["tokens"] = _more_tokens(lines, next(free))
    planted["price"] = _dearer(lines, next(free))
    _a_day_later(lines, next(free), next(free))
    last = days[-1]
    for kind, amount in (("credit", -7), ("discount", -3), ("tax", 19)):
        lines[kind] = Line(last, "", "", 0, 0, amount * PICO // 100, kind)
        planted[kind] = amount * PICO // 100
    again = next(free)
    lines["again"] = lines[*again, "out_text"]
    planted["repeated"] = lines["again"].pico
    lines["unknown"] = Line(last, "nobody-knows-me", "out_text", 1, 10, PICO // 25)
    planted["rest"] = PICO // 25
    return planted


def _cells(lines: Lines, days: list[date], models: list[str]) -> list[tuple[date, str]]:
    """Of one model, a day apart from each other, but the sixth, which follows the fifth."""
    model = models[0]
    every = [
        (day, model)
        for day in days
        if (day, model, "in_uncached") in lines and (day, model, "out_text") in lines
    ]
    pair = next(n for n in range(len(every) - 1) if (every[n + 1][0] - every[n][0]).days == 1)
    return _spread(every, pair)


def _spread(every: list[tuple[date, str]], pair: int) -> list[tuple[date, str]]:
    rest = [cell for n, cell in enumerate(every) if n not in range(pair - 1, pair + 3)]
    apart = rest[::2]
    return [*apart[:4], every[pair], every[pair + 1], apart[4]]


def _of(lines: Lines, cell: tuple[date, str]) -> list[Any]:
    return [key for key in lines if isinstance(key, tuple) and key[:2] == cell]


def _gone(lines: Lines, cell: tuple[date, str]) -> int:
    """They bill no call of that day and model."""
    return -sum(lines.pop(key).pico for key in _of(lines, cell))


def _twice(lines: Lines, cell: tuple[date, str]) -> int:
    """They bill each call twice."""
    added = 0
    for key in _of(lines, cell):
        line = lines[key]
        added += line.pico
        lines[key] = replace(
            line, calls=2 * line.calls, quantity=2 * line.quantity, pico=2 * line.pico
        )
    return added


def _more_tokens(lines: Lines, cell: tuple[date, str]) -> int:
    key = (*cell, "out_text")
    line = lines[key]
    tokens = line.quantity // 3
    added = round(Fraction(line.pico, line.quantity) * (line.quantity + tokens)) - line.pico
    lines[key] = replace(line, quantity=line.quantity + tokens, pico=line.pico + added)
    return added


def _dearer(lines: Lines, cell: tuple[date, str]) -> int:
    key = (*cell, "in_uncached")
    line = lines[key]
    added = line.quantity * 200_000
    lines[key] = replace(line, pico=line.pico + added)
    return added


def _a_day_later(lines: Lines, day: tuple[date, str], after: tuple[date, str]) -> None:
    """A third of an amount stands a day later; it adds up to nothing."""
    here, there = (*day, "out_text"), (*after, "out_text")
    moved = lines[here].pico // 3
    lines[here] = replace(lines[here], pico=lines[here].pico - moved)
    lines[there] = replace(lines[there], pico=lines[there].pico + moved)


def as_generic(lines: Lines) -> str:
    """Exact, with everything that a statement can say."""
    rows = ["day,model,meter,tokens,requests,usd,type"]
    for line in sorted(lines.values(), key=lambda line: (line.day, line.model, line.meter)):
        meter = _WORDS.get(line.meter, "")
        cells = (line.day, line.model, meter, line.quantity, line.calls, exact_usd(line.pico))
        rows.append(",".join(map(str, (*cells, line.type))))
    return "\n".join(rows) + "\n"


def as_openai(lines: Lines, *, decimals: int) -> str:
    """Money alone, rounded to so many decimals."""
    step = PICO // 10**decimals
    rows = ["start_time_iso,amount_value,amount_currency,line_item,project_id"]
    for line in lines.values():
        amount = exact_usd((line.pico + step // 2) // step * step)
        item = f'"{line.model}, {_WORDS[line.meter]}"'
        rows.append(f"{line.day}T00:00:00+00:00,{amount},usd,{item},proj_shop")
    return "\n".join(rows) + "\n"


def openai_usage(lines: Lines) -> str:
    rows = [
        "start_time_iso,num_model_requests,model,input_tokens,output_tokens,input_cached_tokens"
    ]
    cells = dict.fromkeys((line.day, line.model) for line in lines.values())
    for day, model in cells:
        found = {m: lines.get((day, model, m)) for m in _WORDS}
        plain, cached, out = (line.quantity if line else 0 for line in found.values())
        calls = next(line.calls for line in found.values() if line)
        rows.append(f"{day}T00:00:00Z,{calls},{model},{plain + cached},{out},{cached}")
    return "\n".join(rows) + "\n"


def as_azure(lines: Lines) -> str:
    """Exact; quantities are thousands."""
    rows = ["date,meterName,quantity,unitOfMeasure,chargeType,SubscriptionId,costInUsd,productName"]
    for line in lines.values():
        item = f"{line.model} {_AZURE[line.meter]} 1K Tokens"
        quantity = f"{line.quantity // 1000}.{line.quantity % 1000:03}"
        day = f"{line.day:%m/%d/%Y}"
        cells = (day, item, quantity, "1K", "Usage", "sub-shop", exact_usd(line.pico))
        rows.append(",".join((*cells, "Azure OpenAI")))
    return "\n".join(rows) + "\n"
