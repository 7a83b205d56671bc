"""How many subjects an experiment needs, when it may be stopped at any of its looks.

With the interval tuned to the planned end, time can be counted in shares of the plan. What then
decides is one number: the drift, the true difference in standard errors at the end. So the chance
to find it is computed once for Brownian motion under the boundary of `sequential`, and every plan
is scaled from it.
"""

import math
import operator
from dataclasses import dataclass
from functools import lru_cache

from apps.prompts.statistics.distributions import bisect
from apps.prompts.statistics.sequential import boundary, tuning

_POINTS = 121  # of the grid over the paths' positions; doubling it moves the power by < 0.0005
_MOST_LOOKS = 100  # more looks than this change the power by less than 0.01
_REACH = 8.0  # standard deviations beyond which no path is


@dataclass(frozen=True, slots=True)
class Plan:
    """`subjects` of all arms together, `per_arm`, and the chance that the difference is found by
    then. `days` at so many subjects a day: rounded up, None when none come."""

    subjects: int
    per_arm: int
    power: float
    days: int | None


def plan_experiment(
    *,
    deviation: float,
    difference: float,
    arms: int = 2,
    alpha: float = 0.05,
    power: float = 0.8,
    look_every: int = 100,
    subjects_a_day: int = 0,
) -> Plan:
    """For arms of equal size, each compared with the control.

    `deviation` is the standard deviation of the metric over subjects (of a share p: the root of
    p (1 - p)), `difference` the smallest that matters, `look_every` the subjects of both arms
    between two looks.
    Raises `ValueError` when one of these isn't positive, or when power isn't from 0.5 to 0.99.
    """
    if min(deviation, abs(difference), look_every) <= 0 or not 0.5 <= power <= 0.99:
        raise ValueError("Deviation, difference and looks must be positive, power 0.5 to 0.99.")
    ratio = 2 * deviation / abs(difference)
    two_arms = (ratio * drift_for(power=power, alpha=alpha, looks=_MOST_LOOKS)) ** 2
    looks = max(1, min(_MOST_LOOKS, round(two_arms / look_every)))
    drift = drift_for(power=power, alpha=alpha, looks=looks)
    per_arm = math.ceil((ratio * drift) ** 2 / 2)
    total = per_arm * arms
    days = math.ceil(total / subjects_a_day) if subjects_a_day > 0 else None
    return Plan(total, per_arm, chance_to_find(drift, alpha=alpha, looks=looks), days)


@lru_cache(maxsize=256)
def drift_for(*, power: float, alpha: float, looks: int) -> float:
    return bisect(lambda d: chance_to_find(d, alpha=alpha, looks=looks) - power, 0.0, 10.0)


def chance_to_find(drift: float, *, alpha: float, looks: int) -> float:
    """That a path with this drift has left the boundary at one of the looks.

    The paths that stay inside are followed without drift and then weighted by their likelihood
    under it (Girsanov's theorem), so that one run serves every drift.
    """
    stay = sum(
        mass * math.exp(drift * place - drift * drift / 2)
        for place, mass in _inside(alpha=alpha, looks=looks)
    )
    return 1 - min(stay, 1.0)


@lru_cache(maxsize=64)
def _inside(*, alpha: float, looks: int) -> tuple[tuple[float, float], ...]:
    """(place, mass) of paths without drift that are still inside at the end: the density is
    carried from look to look (Armitage, McPherson, Rowe: “Repeated significance tests on
    accumulating data”, JRSS A 132, 1969), its integrals by Simpson's rule."""
    paths: tuple[tuple[float, float], ...] = ((0.0, 1.0),)
    for look in range(1, looks + 1):
        time = look / looks
        limit = math.sqrt(time) * min(boundary(time * _rho2(alpha), alpha=alpha), _REACH)
        paths = _carried(paths, limit=limit, deviation=math.sqrt(1 / looks))
    return paths


def _rho2(alpha: float) -> float:
    return tuning(alpha=alpha, planned=1)


def _carried(
    paths: tuple[tuple[float, float], ...], *, limit: float, deviation: float
) -> tuple[tuple[float, float], ...]:
    """One look on: the mass at each of the points from -limit to limit."""
    width = 2 * limit / (_POINTS - 1)
    places = [n * width - limit for n in range(_POINTS)]
    density = [_density(place, paths, deviation) for place in places]
    return tuple(zip(places, map(operator.mul, density, _simpson(width)), strict=True))


def _density(place: float, paths: tuple[tuple[float, float], ...], deviation: float) -> float:
    scale = -0.5 / (deviation * deviation)
    found = sum(mass * math.exp(scale * (place - x) ** 2) for x, mass in paths)
    return found / (deviation * math.sqrt(2 * math.pi))


def _simpson(width: float) -> list[float]:
    inner = [4 if n % 2 else 2 for n in range(1, _POINTS - 1)]
    return [weight * width / 3 for weight in (1, *inner, 1)]
