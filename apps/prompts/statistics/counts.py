"""Shares and counts."""

import math
from collections.abc import Sequence
from statistics import NormalDist

from apps.prompts.statistics.distributions import chi_squared_tail


def wilson_interval(*, hits: int, of: int, alpha: float = 0.05) -> tuple[float, float]:
    """Of a share (Wilson 1927): stays within 0 and 1, and is right for few cases too. Without any
    case: (0, 1)."""
    if of == 0:
        return 0.0, 1.0
    z2 = NormalDist().inv_cdf(1 - alpha / 2) ** 2
    share = hits / of
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = math.sqrt(z2 * (share * (1 - share) + z2 / (4 * of)) / of) / (1 + z2 / of)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def sample_ratio_p(*, counts: Sequence[int], weights: Sequence[int]) -> float:
    """Did the arms get the shares of subjects that they should? Pearson's chi-squared test; a very
    small p-value (0.001) means that the assignment or the counting is broken, and no result of the
    experiment can be trusted. 1 without subjects.

    Raises `ValueError` when subjects are in an arm that should have none.
    """
    total, whole = sum(counts), sum(weights)
    pairs = [(count, weight) for count, weight in zip(counts, weights, strict=True) if weight]
    if sum(count for count, _ in pairs) != total:
        raise ValueError("Subjects in an arm without a share.")
    if not total:
        return 1.0
    expected = [(count, total * weight / whole) for count, weight in pairs]
    x = sum((count - wanted) ** 2 / wanted for count, wanted in expected)
    return chi_squared_tail(x, len(pairs) - 1)
