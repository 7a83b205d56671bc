"""What entries and usages of the ledger say, in the words of the independent bookkeeper."""

from collections import Counter
from typing import Any

from apps.ledger.models import Entry, Usage
from apps.ledger.reports import Spend
from tests.ledger.model import ModelEntry

MEASURES = ("requests", "cached", "input", "output", "amount", "avoided")


def token_columns(counts: dict[str, int]) -> dict[str, int]:
    def side(prefix: str) -> int:
        return sum(units for name, units in counts.items() if name.startswith(prefix))

    return {
        "input_tokens": side("in_"),
        "output_tokens": side("out_"),
        "cached_tokens": counts.get("in_cache_read", 0),
    }


def unpriced(counts: dict[str, int]) -> Any:
    return tuple(sorted((name, units, 0) for name, units in counts.items() if units))


def model_of(entry: Entry) -> ModelEntry:
    lines = [(x["usage_class"], x["quantity"], x.get("amount_pico", 0)) for x in entry.lines]
    return ModelEntry(
        at=entry.at,
        kind=entry.kind,
        purpose=entry.purpose,
        amount=entry.amount_pico,
        service=entry.service,
        deployment=entry.deployment,
        input=entry.input_tokens,
        output=entry.output_tokens,
        cached=entry.cached_tokens,
        avoided=entry.avoided_pico,
        lines=tuple(sorted(lines)),
    )


def row_of(entry: Entry) -> dict[str, Any]:
    return {field.attname: getattr(entry, field.attname) for field in Entry._meta.concrete_fields}


def adds_up(entry: Entry) -> bool:
    """Amount to lines, each half to even, and the tokens of the lines to the totals."""
    priced = [line for line in entry.lines if "amount_pico" in line]
    if not entry.lines:
        return True
    exact = all(
        line["amount_pico"] == half_even(line["quantity"] * line["price_pico"], line["per_block"])
        for line in priced
    )
    sides = Counter({"in": entry.input_tokens, "out": entry.output_tokens})
    for line in entry.lines:
        sides[line["usage_class"].split("_")[0]] -= line["quantity"]
    return (
        exact
        and entry.amount_pico == sum(line["amount_pico"] for line in priced)
        and sides["in"] == sides["out"] == 0
    )


def half_even(product: int, block: int) -> int:
    """By another way than the application's: the double of the distance decides."""
    low = product // block
    return min((low, low + 1), key=lambda n: (abs(n * block - product), n % 2))


def is_whole(usage: Usage) -> bool:
    sides = token_columns(usage.counts)
    return (usage.input_total, usage.output_total) == (
        sides["input_tokens"],
        sides["output_tokens"],
    )


def counter(spend: Spend) -> Counter[str]:
    values = (spend.calls, spend.cached, spend.input_tokens, spend.output_tokens)
    return Counter(
        dict(zip(MEASURES, (*values, spend.amount_pico, spend.avoided_pico), strict=True))
    )


def value_of(entry: ModelEntry, dimension: str) -> str:
    if entry.kind == "credit":
        return "p" if dimension == "provider" else ""
    fixed = {"team": "t", "cost_center": "c", "provider": "p", "model": "m", "prompt": ""}
    return str(fixed.get(dimension, getattr(entry, dimension, "")))
