"""Means of two arms and their difference, from sums over subjects."""

import math
from dataclasses import dataclass
from typing import Protocol

from apps.prompts.statistics.distributions import student_t_quantile, student_t_two_sided


class Mean(Protocol):
    """What an arm's metric must tell: subjects, their mean, and the mean's variance (not the
    subjects')."""

    @property
    def subjects(self) -> int: ...
    @property
    def mean(self) -> float: ...
    @property
    def variance_of_mean(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Sums:
    """A metric with one value for each subject: their number, sum and sum of squares."""

    subjects: int
    total: float
    squares: float

    @property
    def mean(self) -> float:
        return self.total / self.subjects

    @property
    def variance_of_mean(self) -> float:
        """Of the sample, with n - 1; infinite below two subjects: they tell nothing."""
        if self.subjects < 2:
            return math.inf
        spread = self.squares - self.total * self.total / self.subjects
        return max(spread, 0.0) / (self.subjects - 1) / self.subjects


@dataclass(frozen=True, slots=True)
class RatioSums:
    """A metric for each call, of subjects with many calls: sums of values y, of calls x, of their
    squares and of their product.

    The calls of one subject resemble each other, so a variance over calls is too small; this one
    is over subjects, by the delta method (Deng, Knoblich, Lu: “Applying the Delta Method in Metric
    Analytics”, KDD 2018, equation 4).
    """

    subjects: int
    y: float
    yy: float
    x: float
    xx: float
    xy: float

    @property
    def mean(self) -> float:
        return self.y / self.x

    @property
    def variance_of_mean(self) -> float:
        n, ratio = self.subjects, self.mean
        if n < 2:
            return math.inf
        spread = self.yy - 2 * ratio * self.xy + ratio * ratio * self.xx
        return max(spread, 0.0) / (n - 1) * n / (self.x * self.x)


@dataclass(frozen=True, slots=True)
class Difference:
    """Treatment minus control: the estimate, its variance, and the subjects of both."""

    estimate: float
    variance: float
    subjects: int


@dataclass(frozen=True, slots=True)
class Interval:
    """The range of plausible differences, and the p-value of “no difference”."""

    low: float
    high: float
    p: float


def difference(*, control: Mean, treatment: Mean) -> Difference:
    return Difference(
        treatment.mean - control.mean,
        control.variance_of_mean + treatment.variance_of_mean,
        control.subjects + treatment.subjects,
    )


def welch(*, control: Mean, treatment: Mean, alpha: float = 0.05) -> Interval:
    """For a single look at the end (Welch 1947, degrees of freedom by Satterthwaite). Looked at
    again and again it finds false winners: use `sequential` while an experiment runs."""
    found = difference(control=control, treatment=treatment)
    if not 0 < found.variance < math.inf:
        p = 1.0 if found.estimate == 0 or found.variance else 0.0
        return Interval(found.estimate - found.variance, found.estimate + found.variance, p)
    error = math.sqrt(found.variance)
    parts = (
        (control.variance_of_mean, control.subjects),
        (
            treatment.variance_of_mean,
            treatment.subjects,
        ),
    )
    freedom = found.variance**2 / sum(v * v / (n - 1) for v, n in parts)
    half = student_t_quantile(1 - alpha / 2, freedom) * error
    p = student_t_two_sided(found.estimate / error, freedom)
    return Interval(found.estimate - half, found.estimate + half, p)
