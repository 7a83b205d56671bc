"""Why costs changed: the difference of two periods as a sum of effects, to the last pico-dollar.

The factors of `factors` are replaced one after the other, in the order of `Effect`, by those of the
later period; what the product changes by is the factor's effect. (Price–volume–mix analysis by
successive substitution, tokens at standard prices: an effect is measured at the earlier values of
the factors behind it.) Each value between is a fraction, rounded once, half to even; the first and
the last are whole, so the effects, which are differences of neighbours, add up exactly.

A factor that one period does not have (the price of a model that was not called) is the other's, so
all that a new model costs is mix. What has no tokens or no requests to be shared among, adjustments
and credits are `other`. Where one period has requests but no answer, requests count as answers in
both.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction

from apps.core.money import Pico
from apps.finance.factors import Factors, Model, Rates, both_factors, side_of
from apps.finance.types import Sums


class Effect(StrEnum):
    VOLUME = "volume"
    CACHE = "cache"
    RETRIES = "retries"
    MIX = "mix"
    INPUT = "input"
    OUTPUT = "output"
    CACHED = "cached"
    PRICE = "price"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Step:
    """`before` and `after`: the factor itself; from mix on the mean over models, at the values of
    the factors behind them that the effect is measured at. None: it has none."""

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


def bridge(
    *,
    before: Mapping[Model, Sums],
    after: Mapping[Model, Sums],
    listed: Mapping[Model, Rates] | None = None,
) -> Bridge:
    """From the sums of each model in two periods. `listed`: prices of reference; of models that are
    not among them, all tokens count alike, and price holds what share of them was output or cached
    as well."""
    sides = side_of(before), side_of(after)
    old, new = both_factors(*sides, listed or {})
    other = Step(Effect.OTHER, sides[1].other - sides[0].other)
    return Bridge(
        before=sum(sums.amount_pico for sums in before.values()),
        after=sum(sums.amount_pico for sums in after.values()),
        steps=(*_steps(old, new), other),
        shifts=_shifts(old.each.shares or {}, new.each.shares or {}),
    )


def _steps(old: Factors, new: Factors) -> Iterable[Step]:
    """One factor after the other becomes the new one."""
    now, value = old, round(old.cost)
    for effect, name, shown in _ORDER:
        following = _replaced(now, new, name)
        reached = round(following.cost)
        yield Step(effect, reached - value, shown(now), shown(following))
        now, value = following, reached


def _replaced(now: Factors, new: Factors, name: str) -> Factors:
    if hasattr(now, name):
        return replace(now, **{name: getattr(new, name)})
    return replace(now, each=replace(now.each, **{name: getattr(new.each, name)}))


def _shifts(
    old: Mapping[Model, Fraction], new: Mapping[Model, Fraction]
) -> dict[Model, tuple[Fraction, Fraction]]:
    none = Fraction()
    return {model: (old.get(model, none), new.get(model, none)) for model in {*old, *new}}


_ORDER: tuple[tuple[Effect, str, Callable[[Factors], Fraction | None]], ...] = (
    (Effect.VOLUME, "answers", lambda f: f.answers),
    (Effect.CACHE, "uncached", lambda f: None if f.uncached is None else 1 - f.uncached),
    (Effect.RETRIES, "requests", lambda f: f.requests),
    (Effect.MIX, "shares", lambda f: f.each.cost),
    (Effect.INPUT, "inputs", lambda f: f.each.tokens_in),
    (Effect.OUTPUT, "outputs", lambda f: f.each.tokens_out),
    (Effect.CACHED, "cached", lambda f: f.each.cached_share),
    (Effect.PRICE, "levels", lambda f: f.each.level),
)
