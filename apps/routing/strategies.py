"""The order in which a route tries its deployments, and why: six strategies and canaries.

Each strategy gives a whole order: the first is asked, the others are fallbacks in that order.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from apps.core.money import Pico, exact_usd
from apps.ledger.ceilings import likely_tier
from apps.ledger.pricing import Unpriced, price_usage
from apps.registry.types import DeploymentFacts
from apps.routing.loads import Loads
from apps.routing.types import Choice, Decision, Option, Pool, Strategy

UNKNOWN_SECONDS = 1.0  # of one that never answered yet, once something is under way to it


@dataclass(frozen=True, slots=True)
class Request:
    """What strategies may know of a request: its likely size in tokens, and the time."""

    input_tokens: int
    output_tokens: int
    now: datetime
    service_tier: str = ""  # asked for; "" when the provider decides


class Router:
    """Orders pools. Holds whose turn it is (round robin); one for each event loop."""

    def __init__(self, *, loads: Loads, rng: random.Random | None = None) -> None:
        self._loads = loads
        self._rng = rng or random.Random()  # noqa: S311 - balancing is no secret
        self._last: dict[str, str] = {}  # route → who was first the last time
        self._orders: Mapping[Strategy, Callable[[Pool, Request], list[Choice]]] = {
            Strategy.PRIORITY: self._priority,
            Strategy.ROUND_ROBIN: self._round_robin,
            Strategy.WEIGHTED: self._weighted,
            Strategy.LOWEST_COST: self._lowest_cost,
            Strategy.LOWEST_LATENCY: self._lowest_latency,
            Strategy.LEAST_BUSY: self._least_busy,
        }

    def decide(self, pool: Pool, request: Request, *, rehearse: bool = False) -> Decision:
        """The order for this request. `rehearse`: nobody's turn passes by it."""
        last = dict(self._last)
        choices = self._with_canaries(pool, request)
        if rehearse:
            self._last = last
        told = tuple(_as_stand_ins(choices, pool))
        return Decision(pool.name, pool.strategy, told, pool.skipped, pool.stand_ins)

    def _with_canaries(self, pool: Pool, request: Request) -> list[Choice]:
        """A canary takes its share of calls first; otherwise it is the last resort."""
        canaries = [option for option in pool.options if option.canary_percent]
        ordinary = [option for option in pool.options if not option.canary_percent]
        chosen = self._draw_canary(canaries)
        rest = [
            Choice(o.deployment, f"canary of {o.canary_percent} %, not drawn: last resort")
            for o in canaries
            if o is not chosen
        ]
        ordered = self._orders[pool.strategy](_only(pool, ordinary), request)
        if chosen is None:
            return [*ordered, *rest]
        why = f"canary: drawn for its {chosen.canary_percent} % of calls"
        return [Choice(chosen.deployment, why), *ordered, *rest]

    def _draw_canary(self, canaries: Sequence[Option]) -> Option | None:
        drawn = self._rng.random() * 100
        for option in canaries:
            drawn -= option.canary_percent
            if drawn < 0:
                return option
        return None

    def _priority(self, pool: Pool, request: Request) -> list[Choice]:
        return [
            Choice(option.deployment, f"{_nth(place)} in the route's order")
            for place, option in enumerate(pool.options, start=1)
        ]

    def _round_robin(self, pool: Pool, request: Request) -> list[Choice]:
        """The turn passes along all targets; one that may not answer now is passed over."""
        turn = turns(pool, self._last.get(pool.name, ""))
        if turn:
            self._last[pool.name] = turn[0].deployment.slug
        return [
            Choice(option.deployment, "its turn" if place == 1 else f"{_nth(place)} after the turn")
            for place, option in enumerate(turn, start=1)
        ]

    def _weighted(self, pool: Pool, request: Request) -> list[Choice]:
        """Draws without putting back, each time by weight: keys u^(1/w) of Efraimidis and
        Spirakis, “Weighted random sampling with a reservoir” (2006)."""
        total = sum(option.weight for option in pool.options) or 1

        def key(option: Option) -> float:
            return self._rng.random() ** (1 / option.weight) if option.weight else -1.0

        ordered = sorted(pool.options, key=key, reverse=True)
        return [
            Choice(option.deployment, f"drawn by weight {option.weight} of {total}")
            for option in ordered
        ]

    def _lowest_cost(self, pool: Pool, request: Request) -> list[Choice]:
        costs = {o.deployment.slug: expected_cost(o.deployment, request) for o in pool.options}
        ordered = sorted(pool.options, key=lambda o: _dearest_last(costs[o.deployment.slug]))
        choices = [Choice(o.deployment, _cost_words(costs[o.deployment.slug])) for o in ordered]
        return _preferred(choices, costs, pool.options)

    def _lowest_latency(self, pool: Pool, request: Request) -> list[Choice]:
        """Peak EWMA × what is in flight; the better of two drawn ones, so that a herd of callers
        does not fall on the one that is fastest at the moment."""
        left, ordered = list(pool.options), []
        while left:
            pair = self._rng.sample(left, min(2, len(left)))
            best = min(pair, key=lambda o: self._latency_cost(o.deployment))
            left.remove(best)
            ordered.append(best)
        return [Choice(o.deployment, self._latency_words(o.deployment)) for o in ordered]

    def _least_busy(self, pool: Pool, request: Request) -> list[Choice]:
        busy = {o.deployment.slug: self._loads.in_flight(o.deployment.slug) for o in pool.options}
        shuffled = self._rng.sample(pool.options, len(pool.options))  # equals take turns
        ordered = sorted(shuffled, key=lambda o: busy[o.deployment.slug])
        return [Choice(o.deployment, f"{busy[o.deployment.slug]} in flight") for o in ordered]

    def _latency_cost(self, deployment: DeploymentFacts) -> float:
        busy = self._loads.in_flight(deployment.slug)
        seconds = self._loads.latency(deployment.slug) or (UNKNOWN_SECONDS if busy else 0.0)
        return seconds * (busy + 1)

    def _latency_words(self, deployment: DeploymentFacts) -> str:
        slug = deployment.slug
        seconds, busy = self._loads.latency(slug), self._loads.in_flight(slug)
        known = f"peak EWMA {seconds * 1000:.0f} ms" if seconds else "no latency known"
        return f"{known}, {busy} in flight; better of two drawn"


def turns(pool: Pool, last: str) -> list[Option]:
    """The options in the order of the ring, beginning after `last`."""
    ring = pool.ring or tuple(option.deployment.slug for option in pool.options)
    start = ring.index(last) + 1 if last in ring else 0
    options = {option.deployment.slug: option for option in pool.options}
    return [options[slug] for slug in (*ring[start:], *ring[:start]) if slug in options]


def expected_cost(deployment: DeploymentFacts, request: Request) -> Pico | None:
    """What this request will likely cost there at its prices now; None: it has no price."""
    counts = {"in_uncached": request.input_tokens, "out_text": request.output_tokens}
    try:
        priced = price_usage(
            counts=counts,
            prices=deployment.prices_at(request.now),
            tier=likely_tier(request.service_tier),
        )
    except Unpriced:
        return None
    return priced.amount_pico


def _as_stand_ins(choices: Iterable[Choice], pool: Pool) -> Iterator[Choice]:
    """Stand-ins that were called before anything was sent: the others' windows are too small."""
    called = {option.deployment.slug for option in pool.options if option.only_for}
    for choice in choices:
        is_called = choice.deployment.slug in called
        why = f"stands in, too long for the others; {choice.why}" if is_called else choice.why
        yield replace(choice, why=why)


def _dearest_last(cost: Pico | None) -> tuple[bool, Pico]:
    return cost is None, cost or 0


def _preferred(
    choices: Sequence[Choice], costs: Mapping[str, Pico | None], options: Sequence[Option]
) -> list[Choice]:
    """Those before the route's first are there for their cost alone."""
    first = next((option.deployment.slug for option in options), "")
    place = next((n for n, c in enumerate(choices) if c.deployment.slug == first), 0)
    instead_of = first if costs.get(first) is not None else ""
    return [*(replace(c, instead_of=instead_of) for c in choices[:place]), *choices[place:]]


def _cost_words(cost: Pico | None) -> str:
    return "no price: last" if cost is None else f"about {exact_usd(cost)} USD for this request"


def _only(pool: Pool, options: Sequence[Option]) -> Pool:
    return Pool(pool.name, pool.strategy, tuple(options), ring=pool.ring)


def _nth(place: int) -> str:
    return {1: "1st", 2: "2nd", 3: "3rd"}.get(place, f"{place}th")
