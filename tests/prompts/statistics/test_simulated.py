"""The promises of the statistics, tried on thousands of simulated experiments."""

import math

import numpy as np
import numpy.typing as npt
import pytest

from apps.prompts.statistics import (
    Difference,
    Plan,
    Sums,
    Verdict,
    beyond,
    judge_paired,
    plan_experiment,
    sequential,
)
from apps.prompts.statistics.sequential import boundary, tuning

RUNS, EVERY = 2000, 100  # a look after every 100 subjects of both arms
Matrix = npt.NDArray[np.float64]


def found_share(rates: tuple[float, float], subjects: int, *, seed: int, planned: int) -> float:
    """Of `RUNS` experiments, how many had an interval without zero at any of their looks."""
    random = np.random.default_rng(seed)
    looks = np.arange(1, subjects // EVERY + 1)
    n = looks * EVERY / 2
    means, variances = zip(*(_arm(random, rate, len(looks), n) for rate in rates), strict=True)
    z = (means[1] - means[0]) / np.sqrt(sum(variances))
    limits = [boundary(2 * m * tuning(alpha=0.05, planned=planned), alpha=0.05) for m in n]
    return float((np.abs(z) > np.array(limits)).any(axis=1).mean())


def _arm(random: np.random.Generator, rate: float, looks: int, n: Matrix) -> tuple[Matrix, Matrix]:
    hits = random.binomial(EVERY // 2, rate, (RUNS, looks)).cumsum(axis=1)
    mean = hits / n
    return mean, np.maximum(mean * (1 - mean), 1e-9) / (n - 1)


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.9])
def test_equal_arms_have_no_winner(rate: float) -> None:
    assert found_share((rate, rate), 20_000, seed=1, planned=10_000) <= 0.05


@pytest.mark.parametrize(("power", "rate"), [(0.8, 0.3), (0.9, 0.3), (0.8, 0.1)])
def test_a_lift_of_a_tenth_is_found_as_often_as_promised(power: float, rate: float) -> None:
    better = rate * 1.1
    deviation = math.sqrt((rate * (1 - rate) + better * (1 - better)) / 2)
    plan = plan_experiment(
        deviation=deviation, difference=better - rate, power=power, look_every=EVERY
    )
    subjects = math.ceil(plan.subjects / EVERY) * EVERY
    found = found_share((rate, better), subjects, seed=2, planned=plan.subjects)
    assert abs(found - power) <= 0.03


def test_looks_of_the_simulation_are_those_of_the_module() -> None:
    """The vectorised looks above say the same as the function that the product calls."""
    arm = Sums(500, 150, 150), Sums(500, 190, 190)
    shift = arm[1].mean - arm[0].mean
    variance = arm[0].variance_of_mean + arm[1].variance_of_mean
    found = sequential(Difference(shift, variance, 1000), planned=10_000)
    limit = boundary(1000 * tuning(alpha=0.05, planned=10_000), alpha=0.05)
    assert found.low == pytest.approx(shift - limit * math.sqrt(variance))
    assert (found.p < 0.05) == (found.low > 0)


def test_guardrail_hardly_ever_stops_a_sound_arm() -> None:
    """Both arms cost the same, lognormal; a look every 100 subjects, 5,000 in all."""
    random = np.random.default_rng(3)
    stopped = 0
    for _ in range(400):
        costs = random.lognormal(0, 1, (2, 2500))
        stopped += any(_crossed(costs[:, :n]) for n in range(50, 2501, 50))
    assert stopped / 400 <= 0.05


def test_guardrail_stops_an_arm_that_costs_half_more() -> None:
    random = np.random.default_rng(4)
    costs = random.lognormal(0, 1, (2, 2500))
    costs[1] *= 1.5
    assert any(_crossed(costs[:, :n]) for n in range(50, 2501, 50))


def _crossed(costs: Matrix) -> bool:
    n = costs.shape[1]
    variance = float(costs.var(axis=1, ddof=1).sum() / n)
    shift = Difference(float(costs[1].mean() - costs[0].mean()), variance, 2 * n)
    return beyond(shift, bound=0, worse="higher", planned=5000)


@pytest.mark.parametrize("cases", [20, 50, 100, 200])
def test_gate_lets_unchanged_prompts_pass(cases: int) -> None:
    """Each case is passed with 85 % chance, anew by either version: the worst noise there is."""
    random = np.random.default_rng(cases)
    verdicts = [_gate(random, cases, fall=0) for _ in range(2000)]
    assert verdicts.count(Verdict.FAIL) / 2000 <= 0.05


def test_gate_stops_a_fall_of_ten_points() -> None:
    random = np.random.default_rng(9)
    verdicts = [_gate(random, 200, fall=0.1, flips=0.05) for _ in range(500)]
    assert verdicts.count(Verdict.FAIL) / 500 >= 0.9
    assert verdicts.count(Verdict.PASS) / 500 <= 0.01


def _gate(random: np.random.Generator, cases: int, *, fall: float, flips: float = 1.0) -> Verdict:
    old = random.random(cases) < 0.85
    again = np.where(random.random(cases) < flips, random.random(cases) < 0.85, old)
    new = again & (random.random(cases) >= fall / 0.85)
    better, worse = int((new & ~old).sum()), int((old & ~new).sum())
    return judge_paired(better=better, worse=worse, cases=cases).verdict


def test_plan_counts_days_and_arms() -> None:
    two = plan_experiment(deviation=0.46, difference=0.03, subjects_a_day=1000)
    three = plan_experiment(deviation=0.46, difference=0.03, arms=3)
    assert two == Plan(two.per_arm * 2, two.per_arm, two.power, math.ceil(two.subjects / 1000))
    assert three.subjects == two.per_arm * 3
    assert three.days is None


@pytest.mark.parametrize("power", [0.4, 1.0])
def test_plan_refuses_what_cannot_be(power: float) -> None:
    with pytest.raises(ValueError, match="power"):
        plan_experiment(deviation=0.4, difference=0.03, power=power)
