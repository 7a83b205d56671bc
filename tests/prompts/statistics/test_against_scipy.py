"""Each formula against an implementation that is not ours, over random inputs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from apps.prompts import statistics
from apps.prompts.statistics.distributions import (
    chi_squared_tail,
    incomplete_beta,
    student_t_quantile,
    student_t_two_sided,
)
from apps.prompts.statistics.paired import mcnemar_worse, score

ARMS = st.lists(st.floats(-1000, 1000), min_size=2, max_size=40)
FREEDOM = st.floats(1, 5000)


def sums_of(values: list[float]) -> statistics.Sums:
    return statistics.Sums(len(values), sum(values), sum(value * value for value in values))


@given(st.floats(0.001, 200), st.integers(1, 40))
def test_chi_squared(x: float, freedom: int) -> None:
    assert chi_squared_tail(x, freedom) == pytest.approx(stats.chi2.sf(x, freedom), rel=1e-9)


@given(st.floats(-50, 50), FREEDOM)
def test_student_t(t: float, freedom: float) -> None:
    expected = 2 * stats.t.sf(abs(t), freedom)
    assert student_t_two_sided(t, freedom) == pytest.approx(expected, rel=1e-8, abs=1e-300)


@given(st.floats(0.5, 0.9999), FREEDOM)
def test_quantile_of_student_t(probability: float, freedom: float) -> None:
    expected = stats.t.ppf(probability, freedom)
    found = student_t_quantile(probability, freedom)
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(st.floats(0, 1), st.floats(0.1, 300), st.floats(0.1, 300))
def test_incomplete_beta(x: float, a: float, b: float) -> None:
    expected = stats.beta.cdf(x, a, b)
    assert incomplete_beta(x, a, b) == pytest.approx(expected, rel=1e-8, abs=1e-12)


@given(ARMS, ARMS)
def test_welch(control: list[float], treatment: list[float]) -> None:
    if min(np.var(control), np.var(treatment)) < 1e-3:
        return  # the sums of squares have lost their digits by then, and scipy warns
    found = statistics.welch(control=sums_of(control), treatment=sums_of(treatment))
    oracle = stats.ttest_ind(treatment, control, equal_var=False)
    interval = oracle.confidence_interval(0.95)
    assert found.p == pytest.approx(oracle.pvalue, rel=1e-5, abs=1e-9)
    assert (found.low, found.high) == pytest.approx(tuple(interval), rel=1e-5, abs=1e-5)


@given(st.integers(0, 500), st.integers(0, 500), st.floats(0.001, 0.5))
def test_wilson(hits: int, misses: int, alpha: float) -> None:
    of = hits + misses
    if not of:
        assert statistics.wilson_interval(hits=0, of=0) == (0, 1)
        return
    oracle = stats.binomtest(hits, of).proportion_ci(1 - alpha, method="wilson")
    found = statistics.wilson_interval(hits=hits, of=of, alpha=alpha)
    assert found == pytest.approx((oracle.low, oracle.high), abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 10_000)), min_size=2, max_size=8))
def test_sample_ratio(arms: list[tuple[int, int]]) -> None:
    counts, weights = [count for count, _ in arms], [weight for _, weight in arms]
    total = sum(counts)
    found = statistics.sample_ratio_p(counts=counts, weights=weights)
    if not total:
        assert found == 1
        return
    expected = [total * weight / sum(weights) for weight in weights]
    assert found == pytest.approx(stats.chisquare(counts, expected).pvalue, rel=1e-8, abs=1e-300)


@given(st.integers(0, 300), st.integers(0, 300))
def test_exact_mcnemar(better: int, worse: int) -> None:
    expected = stats.binom.sf(worse - 1, better + worse, 0.5)
    assert mcnemar_worse(better=better, worse=worse) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=60)
@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 100), st.floats(-0.6, 0.6))
def test_score_uses_the_most_likely_rates(better: int, worse: int, same: int, delta: float) -> None:
    """The closed formula against a search for the maximum of the likelihood."""
    cases = better + worse + same
    if better + worse == 0 or abs(delta) < 1e-3:
        return

    def unlikely(rate: float) -> float:
        parts = ((better, rate + delta), (worse, rate), (same, 1 - 2 * rate - delta))
        return -sum(count * math.log(max(share, 1e-300)) for count, share in parts)

    bounds = (max(0.0, -delta), (1 - delta) / 2)
    best = optimize.minimize_scalar(
        unlikely, bounds=bounds, method="bounded", options={"xatol": 1e-12}
    )
    variance = cases * (2 * best.x + delta - delta * delta)
    expected = (better - worse - cases * delta) / math.sqrt(variance)
    assert score(delta, better, worse, cases) == pytest.approx(expected, rel=2e-3, abs=2e-3)


def test_ratio_has_the_variance_of_a_bootstrap() -> None:
    random = np.random.default_rng(7)
    calls = random.poisson(8, 4000) + 1
    values = random.gamma(2.0, 3.0, 4000) * calls  # calls of one subject resemble each other
    found = statistics.RatioSums(
        4000,
        float(values.sum()),
        float((values**2).sum()),
        float(calls.sum()),
        float((calls**2).sum()),
        float((values * calls).sum()),
    )
    draws = random.integers(0, 4000, (2000, 4000))
    bootstrap = values[draws].sum(1) / calls[draws].sum(1)
    assert found.mean == pytest.approx(float(values.sum() / calls.sum()))
    assert found.variance_of_mean == pytest.approx(float(bootstrap.var()), rel=0.1)


def test_one_call_each_is_a_plain_mean() -> None:
    values = [0.0, 1.0, 4.0, 2.5]
    plain = sums_of(values)
    ratio = statistics.RatioSums(4, plain.total, plain.squares, 4, 4, plain.total)
    assert ratio.mean == plain.mean
    assert ratio.variance_of_mean == pytest.approx(plain.variance_of_mean)


@given(st.integers(1, 12), st.data())
def test_repeats_against_all_choices(of: int, data: st.DataObject) -> None:
    passed = data.draw(st.integers(0, of))
    k = data.draw(st.integers(1, of))
    none = stats.hypergeom.pmf(0, of, passed, k)
    every = stats.hypergeom.pmf(k, of, passed, k)
    assert statistics.pass_at_k(passed=passed, of=of, k=k) == pytest.approx(1 - none, abs=1e-12)
    assert statistics.pass_hat_k(passed=passed, of=of, k=k) == pytest.approx(every, abs=1e-12)
