"""From usage to money: pure, exact, integers of pico-USD."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from apps.core.money import Pico, line_amount
from apps.registry.tiers import DEFAULT_TIER
from apps.registry.types import PriceRow

# A provider that publishes no price of its own for these bills them as the plain class. The other
# special classes (cache writes, audio) are dearer than the plain one, so they have no such default;
# five minutes are what a cache keeps where nobody says how long.
BILLED_AS = {
    "in_cache_read": "in_uncached",
    "in_cache_write_5m": "in_cache_write",
    "out_reasoning": "out_text",
}
REQUESTS = "requests"  # a fee for each request; free where no row says otherwise


_USUAL = {"service_tier": DEFAULT_TIER, "min_input_tokens": 0}


class Unpriced(Exception):
    """Usage without a price row. Permanent until finance adds the price: never free by accident."""

    def __init__(self, missing_classes: Iterable[str], tier: str = DEFAULT_TIER) -> None:
        self.missing_classes = tuple(missing_classes)
        self.tier = tier
        where = "" if tier == DEFAULT_TIER else f" in the service tier “{tier}”"
        super().__init__(f"No price for {', '.join(self.missing_classes)}{where}.")


@dataclass(frozen=True, slots=True)
class Line:
    """`quantity` units at `price_pico` for each `per_block` units. The price was that of a service
    tier, for calls of at least `min_input_tokens`."""

    usage_class: str
    quantity: int
    price_pico: Pico
    per_block: int
    price_id: int
    amount_pico: Pico
    service_tier: str
    min_input_tokens: int


_LINE = tuple(field.name for field in fields(Line))


@dataclass(frozen=True, slots=True)
class Priced:
    lines: tuple[Line, ...]
    amount_pico: Pico

    def frozen_lines(self) -> list[dict[str, Any]]:
        """The lines as they are stored inside an entry, millions of times: without a tier a line
        is of the standard one, without a step of the first."""
        return [_short({name: getattr(line, name) for name in _LINE}) for line in self.lines]


def price_usage(
    *, counts: Mapping[str, int], prices: Collection[PriceRow], tier: str = DEFAULT_TIER
) -> Priced:
    """Cost of one request that used `counts` (usage class → units) and was billed in `tier`; the
    amount is the exact sum of its lines.

    Raises: `Unpriced` when a class that was used has no price in the tier; `ValueError` on negative
    counts.
    """
    if any(count < 0 for count in counts.values()):
        raise ValueError("Usage cannot be negative.")
    holding = prices_for(prices, tier=tier, input_tokens=input_of(counts))
    used = {name: count for name, count in counts.items() if count}
    if has_fee(prices):
        used.setdefault(REQUESTS, 1)
    rows = {name: row for name in used if (row := row_of(name, holding)) is not None}
    missing = [name for name in used if name not in rows]
    if missing:
        raise Unpriced(missing, tier)
    lines = tuple(_line(name, used[name], row) for name, row in rows.items())
    return Priced(lines, sum(line.amount_pico for line in lines))


def unpriced_lines(counts: Mapping[str, int], tier: str) -> list[dict[str, Any]]:
    """What an entry says of usage without a price: all that is needed to price it later."""
    return [
        _short({"usage_class": name, "quantity": count, "service_tier": tier})
        for name, count in counts.items()
        if count
    ]


def tier_of_lines(lines: Iterable[Mapping[str, Any]]) -> str:
    """The service tier that an entry's lines are of: all of one."""
    return next((line["service_tier"] for line in lines if "service_tier" in line), DEFAULT_TIER)


def counts_of(lines: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Usage class → units of an entry's lines."""
    return {line["usage_class"]: line["quantity"] for line in lines}


def has_fee(prices: Iterable[PriceRow]) -> bool:
    """Whether requests cost something, in whatever tier: then each tier must say how much."""
    return any(row.usage_class == REQUESTS for row in prices)


def prices_for(
    prices: Iterable[PriceRow], *, tier: str, input_tokens: int
) -> Mapping[str, PriceRow]:
    """Usage class → its price in the tier: of the steps that the input reaches, the highest."""
    reached = [
        row for row in prices if row.service_tier == tier and row.min_input_tokens <= input_tokens
    ]
    return {row.usage_class: row for row in sorted(reached, key=lambda row: row.min_input_tokens)}


def row_of(usage_class: str, prices: Mapping[str, PriceRow]) -> PriceRow | None:
    """The price that a class is billed at, its own or the one it falls back to."""
    return prices.get(usage_class) or prices.get(BILLED_AS.get(usage_class, ""))


def input_of(counts: Mapping[str, int]) -> int:
    """The whole input in tokens, by which a provider chooses the step."""
    return sum(count for name, count in counts.items() if name.startswith("in_"))


def _short(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if _USUAL.get(name) != value}


def _line(usage_class: str, quantity: int, row: PriceRow) -> Line:
    amount = line_amount(quantity=quantity, price_pico=row.price_pico, per_block=row.per_block)
    return Line(
        usage_class=usage_class,
        quantity=quantity,
        price_pico=row.price_pico,
        per_block=row.per_block,
        price_id=row.price_id,
        amount_pico=amount,
        service_tier=row.service_tier,
        min_input_tokens=row.min_input_tokens,
    )
