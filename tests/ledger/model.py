"""An independent bookkeeper: predicts what each call costs and every sum of a report.

It shares no code with the application: prices are fractions, entries are plain tuples, and a sum
is a sum over all of them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction
from typing import Any

# A class without a price of its own is billed as this one, in this order.
BILLED_AS = {
    "in_cache_read": "in_uncached",
    "in_cache_write_5m": "in_cache_write",
    "out_reasoning": "out_text",
}
Kind = tuple[str, str, int]  # class, tier, from so many tokens of input on
Lines = tuple[tuple[str, int, int], ...]  # class, units, pico-USD
CALLS = {"charge", "estimate", "unpriced", "conflict", "cache_hit"}


@dataclass(frozen=True)
class ModelEntry:
    at: datetime
    kind: str
    purpose: str
    amount: int
    service: str
    deployment: str
    input: int = 0
    output: int = 0
    cached: int = 0
    avoided: int = 0
    lines: Lines = ()

    def reversed(self, at: datetime) -> "ModelEntry":
        return replace(
            self,
            at=at,
            kind="reversal",
            amount=-self.amount,
            input=-self.input,
            output=-self.output,
            cached=-self.cached,
            avoided=-self.avoided,
            lines=tuple((name, -units, -pico) for name, units, pico in self.lines),
        )

    @property
    def sums(self) -> Counter[str]:
        """What reports add up."""
        return Counter(
            requests=self.kind in CALLS,
            cached=self.kind == "cache_hit",
            input=self.input,
            output=self.output,
            amount=self.amount,
            avoided=self.avoided,
        )


@dataclass
class PriceList:
    """All prices that ever began, by kind and moment: (from when, pico-USD, for how many units)."""

    rows: dict[Kind, list[tuple[datetime, int, int]]] = field(default_factory=dict)

    def begin(self, kind: Kind, at: datetime, pico: int, block: int) -> None:
        self.rows.setdefault(kind, []).append((at, pico, block))

    def lines(self, counts: Mapping[str, int], tier: str, at: datetime) -> Lines | None:
        """What a call that was sent `at` costs; None: something in it has no price."""
        used = {name: units for name, units in counts.items() if units}
        if any(kind[0] == "requests" and self._holding(kind, at) is not None for kind in self.rows):
            used.setdefault("requests", 1)  # a fee, in whatever tier: each must say how much
        whole = sum(units for name, units in used.items() if name.startswith("in_"))
        prices = {name: self._price(name, tier, whole, at) for name in used}
        if None in prices.values():
            return None
        return tuple(
            sorted((name, units, round(units * prices[name])) for name, units in used.items())
        )

    def _price(self, name: str, tier: str, whole: int, at: datetime) -> Fraction | None:
        for billed_as in (name, BILLED_AS.get(name, name)):
            reached = [
                (kind[2], found)
                for kind in self.rows
                if kind[:2] == (billed_as, tier) and kind[2] <= whole
                if (found := self._holding(kind, at)) is not None
            ]
            if reached:
                return max(reached)[1]
        return None

    def _holding(self, kind: Kind, at: datetime) -> Fraction | None:
        begun = [(start, pico, block) for start, pico, block in self.rows[kind] if start <= at]
        if not begun:
            return None
        _, pico, block = max(begun)
        return Fraction(pico, block)


def sums_by(
    entries: Iterable[ModelEntry], key: Callable[[ModelEntry], Any]
) -> dict[Any, Counter[str]]:
    found: dict[Any, Counter[str]] = {}
    for entry in entries:
        found.setdefault(key(entry), Counter()).update(entry.sums)
    return found
