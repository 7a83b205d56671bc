"""From usage to money: pure, exact, integers of pico-USD."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from apps.core.money import Pico, line_amount
from apps.registry.types import PriceRow

# A provider that publishes no price of its own for these bills them as the plain class. The other
# special classes (cache writes, audio) are dearer than the plain one, so they have no such default.
BILLED_AS = {"in_cache_read": "in_uncached", "out_reasoning": "out_text"}


class Unpriced(Exception):
    """Usage without a price row. Permanent until finance adds the price: never free by accident."""

    def __init__(self, missing_classes: Iterable[str]) -> None:
        self.missing_classes = tuple(missing_classes)
        super().__init__(f"No price for {', '.join(self.missing_classes)}.")


@dataclass(frozen=True, slots=True)
class Line:
    """`quantity` units at `price_pico` for each `per_block` units."""

    usage_class: str
    quantity: int
    price_pico: Pico
    per_block: int
    price_id: int
    amount_pico: Pico


@dataclass(frozen=True, slots=True)
class Priced:
    lines: tuple[Line, ...]
    amount_pico: Pico

    def frozen_lines(self) -> list[dict[str, Any]]:
        """The lines as they are stored inside an entry."""
        return [asdict(line) for line in self.lines]


def price_usage(*, counts: Mapping[str, int], prices: Mapping[str, PriceRow]) -> Priced:
    """Cost of `counts` (usage class → units); the amount is the exact sum of its lines.

    Raises: `Unpriced` when a class that was used has no price; `ValueError` on negative counts.
    """
    if any(count < 0 for count in counts.values()):
        raise ValueError("Usage cannot be negative.")
    used = {name: count for name, count in counts.items() if count}
    missing = [name for name in used if _row(name, prices) is None]
    if missing:
        raise Unpriced(missing)
    lines = tuple(
        _line(name, count, row)
        for name, count in used.items()
        if (row := _row(name, prices)) is not None
    )
    return Priced(lines, sum(line.amount_pico for line in lines))


def upper_bound(*, input_tokens: int, output_tokens: int, prices: Mapping[str, PriceRow]) -> Pico:
    """The most that a call of so many tokens can cost, whatever classes they turn out to be.

    A unit's price is rounded up, so that the rounding of single lines can never exceed the bound.
    Raises: `Unpriced` without a price for plain input (for plain output, when output is possible).
    """
    needed = ["in_uncached", "out_text"] if output_tokens else ["in_uncached"]
    missing = [name for name in needed if name not in prices]
    if missing:
        raise Unpriced(missing)
    return input_tokens * _dearest("in_", prices) + output_tokens * _dearest("out_", prices)


def unpriced_lines(counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """What is stored inside an entry while nobody knows what it costs."""
    return [{"usage_class": name, "quantity": count} for name, count in counts.items() if count]


def counts_of(lines: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Usage class → units of an entry's lines."""
    return {line["usage_class"]: line["quantity"] for line in lines}


def at_bound(
    *, input_tokens: int, output_tokens: int, prices: Mapping[str, PriceRow]
) -> dict[str, int]:
    """Usage of so many tokens at its dearest: each direction in its dearest class."""
    wanted = (("in_", "in_uncached", input_tokens), ("out_", "out_text", output_tokens))
    return {
        _dearest_class(prefix, plain, prices): count for prefix, plain, count in wanted if count
    }


def _dearest_class(prefix: str, plain: str, prices: Mapping[str, PriceRow]) -> str:
    """The plain one when no other costs more, or there is no price."""
    dearest = _dearest(prefix, prices)
    of_class = (p.usage_class for p in prices.values() if _is(p, prefix) and _unit(p) == dearest)
    return min(of_class, key=lambda name: name != plain, default=plain)


def _row(usage_class: str, prices: Mapping[str, PriceRow]) -> PriceRow | None:
    return prices.get(usage_class) or prices.get(BILLED_AS.get(usage_class, ""))


def _line(usage_class: str, quantity: int, row: PriceRow) -> Line:
    amount = line_amount(quantity=quantity, price_pico=row.price_pico, per_block=row.per_block)
    return Line(usage_class, quantity, row.price_pico, row.per_block, row.price_id, amount)


def _dearest(prefix: str, prices: Mapping[str, PriceRow]) -> Pico:
    return max((_unit(p) for p in prices.values() if _is(p, prefix)), default=0)


def _unit(row: PriceRow) -> Pico:
    """Of one unit, rounded up."""
    return -(-row.price_pico // row.per_block)


def _is(row: PriceRow, prefix: str) -> bool:
    return row.usage_class.startswith(prefix)
