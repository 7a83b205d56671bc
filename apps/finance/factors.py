"""The factors that a period's costs are the product of, and their prices of reference.

What models cost is a product: N answers that callers got, of which a share u came from providers
and not from our cache; r requests that were billed for each of those, failures and copies among
them; of the requests the share w that each model had, with i tokens of input and o of output a
request, of the input the share c from the provider's cache; and its price level x:

    cost = N · u · r · Σ (w · (i·(1 − c)·p_in + i·c·p_cached + o·p_out) · x) over models

The prices p are those of one price list for both periods, so that x is what tokens cost against
that list, and moves only when they cost something else. The rollups have no cost by usage class;
this way none is needed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from apps.core.money import Pico
from apps.finance.types import Sums

Model = tuple[str, ...]
NONE = Fraction()


@dataclass(frozen=True, slots=True)
class Rates:
    """Pico-dollars of a token."""

    input: Fraction
    cached: Fraction
    output: Fraction

    def of_request(self, tokens_in: Fraction, cached: Fraction, tokens_out: Fraction) -> Fraction:
        """`cached`: the share of the input that was read from the provider's cache."""
        each = self.input + cached * (self.cached - self.input)
        return tokens_in * each + tokens_out * self.output

    def of(self, sums: Sums) -> Fraction:
        plain = sums.input_tokens - sums.cached_tokens
        return (
            plain * self.input + sums.cached_tokens * self.cached + sums.output_tokens * self.output
        )


@dataclass(frozen=True, slots=True)
class Side:
    """A period. `models`: those with requests and tokens, without what belongs to no call."""

    models: Mapping[Model, Sums]
    hits: int
    other: Pico

    @property
    def answers(self) -> int:
        """From providers."""
        return sum(sums.answers - sums.hits for sums in self.models.values())

    @property
    def requests(self) -> int:
        return sum(sums.calls - sums.hits for sums in self.models.values())


@dataclass(frozen=True)
class Request:
    """The mean request of a period, by model. `shares` None: it has none."""

    shares: Mapping[Model, Fraction] | None
    inputs: Mapping[Model, Fraction]
    outputs: Mapping[Model, Fraction]
    cached: Mapping[Model, Fraction]
    levels: Mapping[Model, Fraction]
    rates: Mapping[Model, Rates]

    @cached_property
    def cost(self) -> Fraction:
        return sum((amount * self.levels[m] for m, amount in self._listed.items()), NONE)

    @property
    def level(self) -> Fraction | None:
        """What it costs, of what it would at the prices of reference."""
        listed = sum(self._listed.values(), NONE)
        return self.cost / listed if listed else None

    @property
    def tokens_in(self) -> Fraction:
        return sum((w * self.inputs[m] for m, w in self._shares), NONE)

    @property
    def tokens_out(self) -> Fraction:
        return sum((w * self.outputs[m] for m, w in self._shares), NONE)

    @property
    def cached_share(self) -> Fraction | None:
        cached = (w * self.inputs[m] * self.cached.get(m, NONE) for m, w in self._shares)
        whole = self.tokens_in
        return sum(cached, NONE) / whole if whole else None

    @cached_property
    def _listed(self) -> dict[Model, Fraction]:
        """At the prices of reference."""
        return {
            m: w
            * self.rates[m].of_request(self.inputs[m], self.cached.get(m, NONE), self.outputs[m])
            for m, w in self._shares
        }

    @property
    def _shares(self) -> list[tuple[Model, Fraction]]:
        return [(m, w) for m, w in (self.shares or {}).items() if w]


@dataclass(frozen=True, slots=True)
class Factors:
    """Of one period; None: it has none. `each` is replaced factor by factor: its own cost is
    computed once for all that comes before."""

    answers: Fraction
    uncached: Fraction | None
    requests: Fraction | None
    each: Request

    @property
    def cost(self) -> Fraction:
        return self.answers * (self.uncached or 0) * (self.requests or 0) * self.each.cost


def side_of(models: Mapping[Model, Sums]) -> Side:
    """Adjustments are of no call; neither is what cannot be shared among calls."""
    kept = {m: _of_calls(sums) for m, sums in models.items() if _is_product(sums)}
    whole = sum(sums.amount_pico for sums in models.values())
    return Side(
        models=kept,
        hits=sum(sums.hits for sums in models.values()),
        other=whole - sum(sums.amount_pico for sums in kept.values()),
    )


def both_factors(old: Side, new: Side, listed: Mapping[Model, Rates]) -> tuple[Factors, Factors]:
    """Each with the other's factors where it has none."""
    # an answer must exist for requests to be counted by
    by_requests = any(side.answers <= 0 < side.requests for side in (old, new))
    rates = {
        m: _rates(listed.get(m), old.models.get(m), new.models.get(m))
        for m in {**old.models, **new.models}
    }
    was, now = (_factors(side, rates, by_requests=by_requests) for side in (old, new))
    return _filled(was, now), _filled(now, was)


def _of_calls(sums: Sums) -> Sums:
    return sums._replace(amount_pico=sums.amount_pico - sums.adjusted_pico)


def _is_product(sums: Sums) -> bool:
    return sums.calls > sums.hits and sums.tokens > 0


def _rates(listed: Rates | None, old: Sums | None, new: Sums | None) -> Rates:
    """Those of the list; where it says nothing of what was used, every token alike at their mean
    cost of before, so that the level is 1 then."""
    found = [sums for sums in (old, new) if sums is not None]
    if listed is not None and all(listed.of(sums) > 0 for sums in found):
        return listed
    means = (Fraction(sums.amount_pico, sums.tokens) for sums in found)
    mean = next((mean for mean in means if mean > 0), Fraction(1))
    return Rates(mean, mean, mean)


def _factors(side: Side, rates: Mapping[Model, Rates], *, by_requests: bool) -> Factors:
    requests = side.requests
    answers = requests if by_requests else side.answers
    asked = answers + side.hits
    return Factors(
        answers=Fraction(asked),
        uncached=Fraction(answers, asked) if asked else None,
        requests=Fraction(requests, answers) if answers else None,
        each=_request(side.models.items(), requests, rates),
    )


def _request(
    models: Iterable[tuple[Model, Sums]], requests: int, rates: Mapping[Model, Rates]
) -> Request:
    models = list(models)
    return Request(
        shares={m: Fraction(s.calls - s.hits, requests) for m, s in models} if requests else None,
        inputs={m: Fraction(s.input_tokens, s.calls - s.hits) for m, s in models},
        outputs={m: Fraction(s.output_tokens, s.calls - s.hits) for m, s in models},
        cached={m: Fraction(s.cached_tokens, s.input_tokens) for m, s in models if s.input_tokens},
        levels={m: s.amount_pico / rates[m].of(s) for m, s in models},
        rates=rates,
    )


def _filled(one: Factors, other: Factors) -> Factors:
    return Factors(
        answers=one.answers,
        uncached=other.uncached if one.uncached is None else one.uncached,
        requests=other.requests if one.requests is None else one.requests,
        each=Request(
            shares=other.each.shares if one.each.shares is None else one.each.shares,
            inputs={**other.each.inputs, **one.each.inputs},
            outputs={**other.each.outputs, **one.each.outputs},
            cached={**other.each.cached, **one.each.cached},
            levels={**other.each.levels, **one.each.levels},
            rates=one.each.rates,
        ),
    )
