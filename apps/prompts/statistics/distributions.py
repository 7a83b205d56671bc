"""Tails that the standard library lacks: chi-squared and Student's t."""

import math
from collections.abc import Callable

_TINY = 1e-300


def chi_squared_tail(x: float, freedom: int) -> float:
    """P(X >= x) for whole degrees of freedom, by the finite sums of Abramowitz & Stegun 26.4.4
    (odd) and 26.4.5 (even)."""
    if x <= 0:
        return 1.0
    half = x / 2
    start = 0.5 if freedom % 2 else 0.0
    tail = math.erfc(math.sqrt(half)) if freedom % 2 else 0.0
    steps = (start + step for step in range(freedom // 2))
    return tail + sum(math.exp(a * math.log(half) - half - math.lgamma(a + 1)) for a in steps)


def student_t_two_sided(t: float, freedom: float) -> float:
    """P(|T| >= |t|): a regularised incomplete beta function (Abramowitz & Stegun 26.7.1)."""
    if t * t < 1:  # near 1 the argument below would lose the digits of t
        return 1 - incomplete_beta(t * t / (freedom + t * t), 0.5, freedom / 2)
    return incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5)


def student_t_quantile(probability: float, freedom: float) -> float:
    """The t with P(T <= t) = `probability`, from 0.5 to below 1, by bisection."""
    wanted = 2 * (1 - probability)
    high = 1.0
    while student_t_two_sided(high, freedom) > wanted:
        high *= 2
    return bisect(lambda t: student_t_two_sided(t, freedom) - wanted, 0.0, high)


def incomplete_beta(x: float, a: float, b: float) -> float:
    """I_x(a, b) by its continued fraction (DLMF 8.17.22), evaluated by Lentz's method."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(1 - x, b, a)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(front + a * math.log(x) + b * math.log1p(-x)) / a * _fraction(x, a, b)


def bisect(rising_or_falling: Callable[[float], float], low: float, high: float) -> float:
    """A zero between `low` and `high`, where the function has different signs."""
    sign = math.copysign(1, rising_or_falling(low))
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if math.copysign(1, rising_or_falling(middle)) == sign:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, 1000):
        for part in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d, c = 1 / _not_zero(1 + part * d), _not_zero(1 + part / c)
            found *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return found


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
