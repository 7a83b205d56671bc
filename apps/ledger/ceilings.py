"""What a call can cost at most and at least, before anybody knows what it will use.

Neither its service tier nor its usage classes are known by then, only what was asked for and how
many tokens there can be. Holds, quotes and the longest answer that a budget can afford rest on it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from apps.core.money import Pico
from apps.ledger.pricing import REQUESTS, Unpriced, has_fee, price_usage, prices_for
from apps.registry.tiers import DEFAULT_TIER, tier_of
from apps.registry.types import PriceRow

SEARCHES = "web_search"
UNDECIDED = {"", "auto"}  # the provider chooses, by settings of the account that we don't see


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most that a call can cost, as it depends on its output: `base_pico` and, for each token
    of the answer, `token_pico`."""

    base_pico: Pico
    token_pico: Pico

    def of(self, output_tokens: int) -> Pico:
        return self.base_pico + output_tokens * self.token_pico


def ceiling(
    *,
    input_tokens: int,
    answers: bool,
    prices: Collection[PriceRow],
    asked_tier: str = "",
    searches: int = 0,
) -> Ceiling:
    """For at most so many tokens of input and searches, whatever classes the tokens turn out to be,
    in any tier that the call may land in. `answers` False: there is no output, as with embeddings.

    A unit's price is rounded up, so that the rounding of single lines can never exceed the bound.
    Raises: `Unpriced` without a price for plain input (for plain output and searches, when they are
    possible; for requests, when any tier charges them) in the standard tier or in the one that was
    asked for.
    """
    needed = _needed(answers, searches, prices)
    for tier in sorted(expected_tiers(asked_tier)):
        # At no input at all: a price that begins with a long input leaves the short ones without.
        known = prices_for(prices, tier=tier, input_tokens=0)
        missing = [name for name in needed if name not in known]
        if missing:
            raise Unpriced(missing, tier)
    rows = _reachable(prices, asked_tier, input_tokens)
    return Ceiling(
        base_pico=input_tokens * _dearest("in_", rows)
        + _dearest(REQUESTS, rows)
        + searches * _dearest(SEARCHES, rows),
        token_pico=_dearest("out_", rows) if answers else 0,
    )


def _needed(answers: bool, searches: int, prices: Collection[PriceRow]) -> list[str]:
    """Classes that every call, or nearly every one, has something of."""
    possible = {
        "in_uncached": True,
        "out_text": answers,
        SEARCHES: searches > 0,
        REQUESTS: has_fee(prices),
    }
    return [name for name, is_possible in possible.items() if is_possible]


def at_bound(
    *,
    input_tokens: int,
    output_tokens: int,
    prices: Collection[PriceRow],
    asked_tier: str = "",
    searches: int = 0,
) -> tuple[dict[str, int], str]:
    """Usage of so many tokens and searches at its dearest, and the tier in which it is: each
    direction in the dearest class."""
    more = {SEARCHES: searches} if searches else {}
    usages = []
    for tier in _standard_first(possible_tiers(asked_tier, prices)):
        rows = list(prices_for(prices, tier=tier, input_tokens=input_tokens).values())
        usages.append((_dearest_counts(rows, input_tokens, output_tokens) | more, tier))
    return max(usages, key=lambda usage: _cost(usage[0], prices, usage[1]))


def dearest_tier(
    *, counts: Mapping[str, int], prices: Collection[PriceRow], asked_tier: str = ""
) -> str:
    """Where so much costs most, of the tiers that an answer may be billed at."""
    tiers = _standard_first(possible_tiers(asked_tier, prices))
    return max(tiers, key=lambda tier: _cost(counts, prices, tier))


def lowest(
    *, input_tokens: int, output_tokens: int, at_most: int, prices: Collection[PriceRow], tier: str
) -> Pico:
    """The least that a call of so many tokens can cost, each at its cheapest class, tier and step.
    `at_most`: tokens of the input, which say what steps are within reach; `tier`: asked for."""
    rows = _reachable(prices, tier, at_most)
    tokens = input_tokens * _cheapest("in_", rows) + output_tokens * _cheapest("out_", rows)
    return tokens + _cheapest(REQUESTS, rows)


def likely_tier(asked: str) -> str:
    """Where a call will most likely land: what was asked for, else the standard tier."""
    return DEFAULT_TIER if asked in UNDECIDED else tier_of(asked)


def expected_tiers(asked: str) -> set[str]:
    """What an answer may be billed at: a provider may fall back to the standard tier."""
    return {DEFAULT_TIER, likely_tier(asked)}


def possible_tiers(asked: str, prices: Collection[PriceRow]) -> set[str]:
    """The same, and where the provider decides, every tier that has prices."""
    known = {row.service_tier for row in prices} if asked in UNDECIDED else set()
    return expected_tiers(asked) | known


def _reachable(prices: Collection[PriceRow], asked: str, input_tokens: int) -> list[PriceRow]:
    tiers = possible_tiers(asked, prices)
    return [r for r in prices if r.service_tier in tiers and r.min_input_tokens <= input_tokens]


def _standard_first(tiers: Iterable[str]) -> list[str]:
    return sorted(tiers, key=lambda tier: (tier != DEFAULT_TIER, tier))


def _cost(counts: Mapping[str, int], prices: Collection[PriceRow], tier: str) -> Pico:
    """Below nothing when it has no price."""
    try:
        return price_usage(counts=counts, prices=prices, tier=tier).amount_pico
    except Unpriced:
        return -1


def _dearest_counts(
    rows: Collection[PriceRow], input_tokens: int, output_tokens: int
) -> dict[str, int]:
    wanted = (("in_", "in_uncached", input_tokens), ("out_", "out_text", output_tokens))
    return {_dearest_class(prefix, plain, rows): count for prefix, plain, count in wanted if count}


def _dearest_class(prefix: str, plain: str, rows: Collection[PriceRow]) -> str:
    """The plain one when no other costs more, or there is no price."""
    dearest = _dearest(prefix, rows)
    of_class = (r.usage_class for r in rows if _is(r, prefix) and _unit(r) == dearest)
    return min(of_class, key=lambda name: name != plain, default=plain)


def _dearest(prefix: str, rows: Collection[PriceRow]) -> Pico:
    return max((_unit(row) for row in rows if _is(row, prefix)), default=0)


def _unit(row: PriceRow) -> Pico:
    """Of one unit, rounded up."""
    return -(-row.price_pico // row.per_block)


def _cheapest(prefix: str, rows: Collection[PriceRow]) -> Pico:
    units = (row.price_pico // row.per_block for row in rows if _is(row, prefix))
    return min(units, default=0)


def _is(row: PriceRow, prefix: str) -> bool:
    return row.usage_class.startswith(prefix)
