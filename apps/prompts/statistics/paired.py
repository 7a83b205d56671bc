"""Two versions answered the same cases: is the new one worse, as good, or don't we know?

A fall of the mean alone would refuse an unchanged prompt in a third of all runs with 20 cases, so
the gate asks for evidence, and says when there is too little of it.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

from apps.prompts.statistics.distributions import bisect


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105 -- not worse by more than the margin
    FAIL = "fail"  # certainly worse
    UNSURE = "unsure"  # too few cases to say


@dataclass(frozen=True, slots=True)
class Paired:
    """`difference` of the pass rates, new minus old, with its interval of 1 - 2 alpha. `p_worse`:
    exact, one-sided. `cases_needed`: about so many would settle it, if nothing got worse."""

    verdict: Verdict
    difference: float
    low: float
    high: float
    p_worse: float
    cases_needed: int


def judge_paired(
    *, better: int, worse: int, cases: int, margin: float = 0.05, alpha: float = 0.05
) -> Paired:
    """`better` cases passed only with the new version, `worse` only with the old; in all others
    of the `cases` both did the same. `margin`: a fall of the pass rate that is put up with.

    Raises `ValueError` without cases, or when more differ than there are.
    """
    if cases < 1 or min(better, worse) < 0 or better + worse > cases:
        raise ValueError(f"{better} better and {worse} worse of {cases} cases.")
    p_worse = mcnemar_worse(better=better, worse=worse)
    z = NormalDist().inv_cdf(1 - alpha)
    return Paired(
        _verdict(p_worse <= alpha, score(-margin, better, worse, cases) >= z),
        (better - worse) / cases,
        _limit(z, better, worse, cases),
        _limit(-z, better, worse, cases),
        p_worse,
        _cases_needed(better + worse, cases, margin, alpha),
    )


def mcnemar_worse(*, better: int, worse: int) -> float:
    """P of so many or more worse ones, were each differing case a fair coin (McNemar 1947)."""
    differing = better + worse
    worse_or_more = sum(math.comb(differing, k) for k in range(worse, differing + 1))
    return worse_or_more / (1 << differing)


def score(delta: float, better: int, worse: int, cases: int) -> float:
    """How many standard errors the found difference lies above `delta`.

    Tango: “Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design”, Statistics in Medicine 17, 1998: unlike the plain formula it is right
    when few or no cases differ.
    """
    b = -better - worse + (2 * cases - better + worse) * delta
    c = -worse * delta * (1 - delta)
    worse_rate = (math.sqrt(max(b * b - 8 * cases * c, 0.0)) - b) / (4 * cases)
    variance = cases * (2 * worse_rate + delta * (1 - delta))
    distance = better - worse - cases * delta
    if distance == 0:
        return 0.0
    return distance / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, distance)


def _verdict(is_worse: bool, is_as_good: bool) -> Verdict:
    if is_as_good and not is_worse:
        return Verdict.PASS
    return Verdict.FAIL if is_worse else Verdict.UNSURE


def _limit(z: float, better: int, worse: int, cases: int) -> float:
    return bisect(lambda delta: score(delta, better, worse, cases) - z, -1.0, 1.0)


def _cases_needed(differing: int, cases: int, margin: float, alpha: float) -> int:
    """For a power of 80 %. The share of differing cases is shrunk to the middle (Agresti, Coull:
    two of four more), so that a few equal cases don't promise certainty."""
    share = (differing + 2) / (cases + 4)
    z = NormalDist().inv_cdf(1 - alpha) + NormalDist().inv_cdf(0.8)
    return math.ceil(share * z * z / margin**2)
