"""Intervals that stay right however often somebody looks.

Asymptotic confidence sequences: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, “Time-uniform central
limit theory and asymptotic confidence sequences”, Annals of Statistics 52(6), 2024 (arXiv
2103.06476): theorem 2.2 two-sided, proposition 2.4 one-sided, and equation 10 for the tuning.
"""

import math
from dataclasses import dataclass
from typing import Literal

from apps.prompts.statistics.estimates import Difference


@dataclass(frozen=True, slots=True)
class Sequential:
    """The interval of a difference at this look, and the always-valid p-value of “no difference”:
    both may be read at any time, and the experiment be stopped because of them."""

    low: float
    high: float
    p: float


def tuning(*, alpha: float, planned: int) -> float:
    """rho², for which the interval is about narrowest at `planned` subjects."""
    log = -2 * math.log(alpha)
    return (log + math.log(log + 1)) / planned


def sequential(found: Difference, *, planned: int, alpha: float = 0.05) -> Sequential:
    """Two-sided. `planned`: subjects of both arms at which the experiment would end."""
    if not 0 < found.variance < math.inf:
        return Sequential(-math.inf, math.inf, 1.0)
    rho2, error = tuning(alpha=alpha, planned=planned), math.sqrt(found.variance)
    half = error * boundary(found.subjects * rho2, alpha=alpha)
    p = always_valid_p(found.estimate / error, found.subjects * rho2)
    return Sequential(found.estimate - half, found.estimate + half, p)


def boundary(scaled: float, *, alpha: float) -> float:
    """How many standard errors the estimate may be off at `scaled` = n · rho²."""
    return math.sqrt(2 * (scaled + 1) / scaled * (math.log1p(scaled) / 2 - math.log(alpha)))


def always_valid_p(z: float, scaled: float) -> float:
    """The smallest alpha whose sequence (with the same rho²) excludes zero: one over the mixture
    martingale, at most 1."""
    log_e = z * z * scaled / (2 * (scaled + 1)) - math.log1p(scaled) / 2
    return math.exp(-max(log_e, 0.0))


def beyond(
    found: Difference,
    *,
    bound: float,
    worse: Literal["higher", "lower"],
    planned: int,
    alpha: float = 0.05,
) -> bool:
    """Is the difference certainly worse than `bound`? For guardrails: one-sided, at any look."""
    if not 0 < found.variance < math.inf:
        return False
    scaled = found.subjects * tuning(alpha=2 * alpha, planned=planned)
    log = math.log1p(math.sqrt(scaled + 1) / (2 * alpha))
    half = math.sqrt(found.variance * 2 * (scaled + 1) / scaled * log)
    above = found.estimate - bound if worse == "higher" else bound - found.estimate
    return above > half
