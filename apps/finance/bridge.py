"""Why costs changed: the difference of two periods as a sum of effects, to the last pico-dollar.

What models cost is a product: N answers that callers got, of which a share u came from providers
and not from our cache; r requests that were billed for each of those, failures and copies among
them; of the requests the share w that each model had, its tokens t a request and its price p a
token:

    cost = N · u · r · Σ (w · t · p) over models

The factors are replaced one after the other, in this order, by those of the later period; what the
product changes by is the factor's effect. (Price–volume–mix analysis by successive substitution: an
effect is measured at the earlier values of the factors behind it.) Each value between is a
fraction, rounded once, half to even; the first and the last are whole, so the effects, which are
differences of neighbours, add up exactly.

A factor that one period does not have (the price of a model that was not called) is the other's, so
all that a new model costs is mix. What has no tokens or no requests to be shared among, adjustments
and credits are `other`. Where one period has requests but no answer, requests count as answers in
both.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction

from apps.core.money import Pico
from apps.finance.types import Sums


class Effect(StrEnum):
    VOLUME = "volume"
    CACHE = "cache"
    RETRIES = "retries"
    MIX = "mix"
    TOKENS = "tokens"
    PRICE = "price"
    OTHER = "other"


Model = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Factors:
    """Of one period; None: it has none. The last three by model."""

    answers: Fraction
    uncached: Fraction | None
    requests: Fraction | None
    shares: Mapping[Model, Fraction] | None
    tokens: Mapping[Model, Fraction]
    prices: Mapping[Model, Fraction]

    @property
    def tokens_a_request(self) -> Fraction:
        return sum((w * self.tokens[m] for m, w in (self.shares or {}).items()), Fraction())

    @property
    def cost_a_request(self) -> Fraction:
        shares = (self.shares or {}).items()
        return sum((w * self.tokens[m] * self.prices[m] for m, w in shares), Fraction())

    @property
    def cost(self) -> Fraction:
        times = self.answers * (self.uncached or 0) * (self.requests or 0)
        return times * self.cost_a_request


@dataclass(frozen=True, slots=True)
class Step:
    """`before` and `after`: the factor itself; of mix, tokens and price the mean over models, at
    the values of the factors behind them that the effect is measured at. None: it has none."""

    effect: Effect
    amount: Pico
    before: Fraction | None = None
    after: Fraction | None = None


@dataclass(frozen=True)
class Bridge:
    before: Pico
    after: Pico
    steps: tuple[Step, ...]
    shifts: Mapping[Model, tuple[Fraction, Fraction]] = field(default_factory=dict)
    """Model → its share of requests before and after."""

    @property
    def change(self) -> Pico:
        return self.after - self.before

    @property
    def main_cause(self) -> Step:
        return max(self.steps, key=lambda step: abs(step.amount))


@dataclass(frozen=True)
class _Side:
    models: Mapping[Model, Sums]  # with requests and tokens
    hits: int
    other: Pico


def bridge(*, before: Mapping[Model, Sums], after: Mapping[Model, Sums]) -> Bridge:
    """From the sums of each model in two periods."""
    sides = _side(before), _side(after)
    # an answer must exist for requests to be counted by
    by_requests = any(_answers(side) <= 0 < _requests(side) for side in sides)
    old, new = _completed(*(_factors(side, by_requests=by_requests) for side in sides))
    steps = tuple(_steps(old, new))
    other = Step(Effect.OTHER, sides[1].other - sides[0].other)
    return Bridge(
        before=sum(sums.amount_pico for sums in before.values()),
        after=sum(sums.amount_pico for sums in after.values()),
        steps=(*steps, other),
        shifts=_shifts(old.shares or {}, new.shares or {}),
    )


def _side(models: Mapping[Model, Sums]) -> _Side:
    """Adjustments are of no call; neither is what cannot be shared among calls."""
    kept = {m: _of_calls(sums) for m, sums in models.items() if _is_product(sums)}
    whole = sum(sums.amount_pico for sums in models.values())
    return _Side(
        models=kept,
        hits=sum(sums.hits for sums in models.values()),
        other=whole - sum(sums.amount_pico for sums in kept.values()),
    )


def _of_calls(sums: Sums) -> Sums:
    return sums._replace(amount_pico=sums.amount_pico - sums.adjusted_pico)


def _is_product(sums: Sums) -> bool:
    return sums.calls > sums.hits and sums.tokens > 0


def _answers(side: _Side) -> int:
    """From providers."""
    return sum(sums.answers - sums.hits for sums in side.models.values())


def _requests(side: _Side) -> int:
    return sum(sums.calls - sums.hits for sums in side.models.values())


def _factors(side: _Side, *, by_requests: bool) -> Factors:
    requests = _requests(side)
    answers = requests if by_requests else _answers(side)
    asked = answers + side.hits
    models = side.models.items()
    return Factors(
        answers=Fraction(asked),
        uncached=Fraction(answers, asked) if asked else None,
        requests=Fraction(requests, answers) if answers else None,
        shares={m: Fraction(s.calls - s.hits, requests) for m, s in models} if requests else None,
        tokens={m: Fraction(s.tokens, s.calls - s.hits) for m, s in models},
        prices={m: Fraction(s.amount_pico, s.tokens) for m, s in models},
    )


def _completed(old: Factors, new: Factors) -> tuple[Factors, Factors]:
    """Each with the other's factors where it has none."""

    def filled(one: Factors, other: Factors) -> Factors:
        return Factors(
            answers=one.answers,
            uncached=other.uncached if one.uncached is None else one.uncached,
            requests=other.requests if one.requests is None else one.requests,
            shares=other.shares if one.shares is None else one.shares,
            tokens={**other.tokens, **one.tokens},
            prices={**other.prices, **one.prices},
        )

    return filled(old, new), filled(new, old)


def _steps(old: Factors, new: Factors) -> Iterable[Step]:
    """One factor after the other becomes the new one."""
    now, value = old, round(old.cost)
    for effect, name, shown in _ORDER:
        following = replace(now, **{name: getattr(new, name)})
        reached = round(following.cost)
        yield Step(effect, reached - value, shown(now), shown(following))
        now, value = following, reached


def _shifts(
    old: Mapping[Model, Fraction], new: Mapping[Model, Fraction]
) -> dict[Model, tuple[Fraction, Fraction]]:
    none = Fraction()
    return {model: (old.get(model, none), new.get(model, none)) for model in {*old, *new}}


def _price(factors: Factors) -> Fraction | None:
    tokens = factors.tokens_a_request
    return factors.cost_a_request / tokens if tokens else None


_ORDER = (
    (Effect.VOLUME, "answers", lambda f: f.answers),
    (Effect.CACHE, "uncached", lambda f: None if f.uncached is None else 1 - f.uncached),
    (Effect.RETRIES, "requests", lambda f: f.requests),
    (Effect.MIX, "shares", lambda f: f.cost_a_request),
    (Effect.TOKENS, "tokens", lambda f: f.tokens_a_request),
    (Effect.PRICE, "prices", _price),
)
