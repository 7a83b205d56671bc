"""What an experiment's sums say: pure functions of numbers, looked at as often as anybody likes.

Every treatment is compared with the first arm, the control. With more than one, each comparison
gets its share of the error (Bonferroni), so that all together are wrong in 5 % at most.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from apps.prompts.measured import Measured
from apps.prompts.statistics import (
    RatioSums,
    Sequential,
    beyond,
    difference,
    sample_ratio_p,
    sequential,
)

ALPHA = 0.05
ENOUGH = 100  # subjects an arm before anything is said about it: the intervals are asymptotic
ENOUGH_TO_GUARD = 30
GUARD_PLANNED = 1_000  # subjects at which a guardrail is sharpest: harm should be seen early
SRM_P = 0.001
LEAST_SHARE = 500  # basis points that no arm falls below while it is still tried
_DRAWS = 4_000


class Verdict(StrEnum):
    EARLY = "early"
    UNCLEAR = "unclear"
    BETTER = "better"
    WORSE = "worse"


@dataclass(frozen=True, slots=True)
class Compared:
    """A treatment against the control: the difference with its always-valid interval and p."""

    difference: float
    low: float
    high: float
    p: float
    verdict: Verdict


def compare(
    *,
    measured: Measured,
    control: RatioSums,
    treatment: RatioSums,
    planned: int,
    treatments: int = 1,
) -> Compared | None:
    """`planned`: subjects of both arms together at which it would end. None without any call."""
    control, treatment = (smoothed(measured, one) for one in (control, treatment))
    if not control.x or not treatment.x:
        return None
    found = difference(control=control, treatment=treatment)
    told = sequential(found, planned=planned, alpha=ALPHA / treatments)
    enough = min(control.subjects, treatment.subjects) >= ENOUGH
    verdict = _verdict(measured, told) if enough else Verdict.EARLY
    p = min(1.0, told.p * treatments)
    return Compared(found.estimate, told.low, told.high, p, verdict)


def smoothed(measured: Measured, sums: RatioSums) -> RatioSums:
    """Shares get two subjects more, one of each kind (Agresti, Coull 1998): an arm where all
    calls fail would otherwise have no variance, and nothing could be said about it."""
    if measured.unit != "share" or not sums.x:
        return sums
    return replace(
        sums,
        subjects=sums.subjects + 2,
        y=sums.y + 1,
        yy=sums.yy + 1,
        x=sums.x + 2,
        xx=sums.xx + 2,
        xy=sums.xy + 1,
    )


def _verdict(measured: Measured, told: Sequential) -> Verdict:
    if told.low <= 0 <= told.high:
        return Verdict.UNCLEAR
    is_higher = told.low > 0
    return Verdict.BETTER if is_higher == (measured.better == "higher") else Verdict.WORSE


def is_broken(
    *,
    measured: Measured,
    most: float,
    control: RatioSums,
    treatment: RatioSums,
    guards: int = 1,
) -> bool:
    """Is the treatment certainly worse than the control by more than `most` per cent (of a share:
    points; of anything else: of the control's mean)? One-sided, at any look; `guards`: tests that
    share the error."""
    if min(control.subjects, treatment.subjects) < ENOUGH_TO_GUARD:
        return False
    control, treatment = (smoothed(measured, one) for one in (control, treatment))
    if not control.x or not treatment.x:
        return False
    scale = 1.0 if measured.unit == "share" else abs(control.mean)
    bound = most / 100 * scale
    return beyond(
        difference(control=control, treatment=treatment),
        bound=bound if measured.worse == "higher" else -bound,
        worse=measured.worse,
        planned=GUARD_PLANNED,
        alpha=ALPHA / guards,
    )


def deviation_of_share(rate: float, lift: float) -> float:
    """The spread of a share over subjects, for planning: that of the middle of both arms."""
    middle = min(rate * (1 + lift / 2), 0.999)
    return math.sqrt(middle * (1 - middle))


def ratio_p(groups: Sequence[tuple[Mapping[str, int], Mapping[str, int]]]) -> float:
    """The p-value of “each arm got the subjects that it should”. A group is what joined in one
    phase: subjects and weights by arm. Arms that a guardrail paused are left out by the caller."""
    arms = sorted({arm for _, weights in groups for arm, weight in weights.items() if weight})
    counts, expected = dict.fromkeys(arms, 0), dict.fromkeys(arms, 0.0)
    for seen, weights in groups:
        total, whole = sum(seen.get(arm, 0) for arm in arms), sum(weights.values())
        for arm in arms:
            counts[arm] += seen.get(arm, 0)
            expected[arm] += total * weights.get(arm, 0) / whole if whole else 0.0
    if len(arms) < 2 or min(expected.values()) < 5:  # too few for the test
        return 1.0
    return sample_ratio_p(
        counts=list(counts.values()), weights=[round(one * 1000) for one in expected.values()]
    )


def thompson_weights(
    *, measured: Measured, arms: Sequence[RatioSums], seed: int
) -> tuple[int, ...]:
    """Basis points for the subjects that join next: the chance that each arm is the best, by draws
    from its mean's normal distribution (Thompson 1933), with a floor for each.

    Equal shares while an arm has too few subjects to know anything.
    """
    if any(one.subjects < ENOUGH or not one.x for one in arms):
        return _rounded([1.0] * len(arms))
    sign = 1 if measured.better == "higher" else -1
    known = [smoothed(measured, one) for one in arms]
    means = [(sign * one.mean, math.sqrt(one.variance_of_mean)) for one in known]
    rng, wins = random.Random(seed), [0] * len(arms)  # noqa: S311 - a simulation
    for _ in range(_DRAWS):
        drawn = [rng.gauss(*mean) for mean in means]
        wins[drawn.index(max(drawn))] += 1
    return _rounded([float(one) for one in wins])


def _rounded(parts: Sequence[float]) -> tuple[int, ...]:
    free, whole = 10_000 - LEAST_SHARE * len(parts), sum(parts)
    found = [LEAST_SHARE + int(free * part / whole) for part in parts]
    found[parts.index(max(parts))] += 10_000 - sum(found)
    return tuple(found)
