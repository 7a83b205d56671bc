"""The judge keeps its word: few false winners, the promised power, no verdict from nothing."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.prompts.measured import BUILT_IN
from apps.prompts.statistics import RatioSums
from apps.results.judging import LEAST_SHARE, Verdict, compare, is_broken, ratio_p, thompson_weights
from bench.experiments import SHARE, planned_for, searched

RUNS = 200


def arm(subjects, total):
    return RatioSums(subjects=subjects, y=total, yy=total, x=subjects, xx=subjects, xy=total)


def test_two_equal_arms_seldom_have_a_winner():
    found = searched(runs=RUNS, seed=3, control=0.3, treatment=0.3, per_arm=3_000)

    assert found.share <= 0.05


def test_a_real_difference_is_found_as_often_as_was_planned():
    per_arm = planned_for(0.3, 0.1, 0.8)

    found = searched(runs=RUNS, seed=3, control=0.3, treatment=0.33, per_arm=per_arm)

    # Three points, and three standard errors of 200 runs.
    assert abs(found.share - 0.8) <= 0.03 + 3 * math.sqrt(0.8 * 0.2 / RUNS)


@given(st.integers(0, 99), st.data())
def test_nothing_is_said_before_there_are_enough(subjects, data):
    one, other = (arm(subjects, data.draw(st.integers(0, subjects))) for _ in range(2))

    found = compare(measured=SHARE, control=one, treatment=other, planned=1000)

    # The two that smooth a share are subjects too: 98 real ones.
    assert found is None or subjects >= 98 or found.verdict is Verdict.EARLY


def test_better_follows_the_metrics_direction():
    found = {
        measured.slug: compare(
            measured=measured, control=arm(1000, 500), treatment=arm(1000, 100), planned=2000
        ).verdict
        for measured in (SHARE, BUILT_IN["errors"])
    }

    assert found == {"thumb": Verdict.WORSE, "errors": Verdict.BETTER}


@pytest.mark.parametrize(
    ("failed", "most", "broken"), [(60, 2, True), (60, 99, False), (0, 2, False), (2, 5, False)]
)
def test_a_guardrail(failed, most, broken):
    found = is_broken(
        measured=BUILT_IN["errors"], most=most, control=arm(60, 0), treatment=arm(60, failed)
    )

    assert found is broken


def test_a_guardrail_of_cost_is_per_cent_of_the_control():
    usual = RatioSums(subjects=100, y=100, yy=101, x=100, xx=100, xy=100)
    dearer = RatioSums(subjects=100, y=130, yy=170, x=100, xx=100, xy=130)

    def broken(most):
        return is_broken(measured=BUILT_IN["cost"], most=most, control=usual, treatment=dearer)

    assert broken(10)
    assert not broken(30)


def test_the_sample_ratio_adds_up_phases_with_their_own_weights():
    fair = [
        ({"a": 500, "b": 500}, {"a": 5000, "b": 5000}),
        ({"a": 100, "b": 900}, {"a": 1000, "b": 9000}),
    ]

    assert ratio_p(fair) == 1
    assert ratio_p([*fair, ({"a": 400, "b": 200}, {"a": 5000, "b": 5000})]) < 0.001
    assert ratio_p([]) == 1


@given(st.lists(st.integers(0, 200), min_size=3, max_size=6))
def test_thompson_weights_are_a_whole_with_a_floor(totals):
    weights = thompson_weights(measured=SHARE, arms=[arm(200, n) for n in totals], seed=1)

    assert sum(weights) == 10_000
    assert min(weights) >= LEAST_SHARE
    best = totals.index(max(totals))
    assert max(totals) - sorted(totals)[-2] < 60 or weights[best] > 5_000
