"""The 95th percentile of recent answers, and how many hedges it may cause."""

import math

from hypothesis import given
from hypothesis import strategies as st

from apps.routing.recent import FEWEST, WINDOW, RecentSeconds
from apps.routing.retry_budget import HEDGES, hedge_budget
from apps.routing.types import AttemptResult
from tests.routing.test_health import ANSWERED, A, say

SECONDS = st.floats(0, 1000)


def after(samples):
    recent = RecentSeconds()
    for seconds in samples:
        recent.answered(seconds)
    return recent


@given(samples=st.lists(SECONDS, max_size=2 * WINDOW + 50))
def test_it_is_the_nearest_rank_of_the_newest(samples):
    newest = sorted(samples[-WINDOW:])

    p95 = after(samples).p95

    expected = newest[math.ceil(0.95 * len(newest)) - 1] if len(newest) >= FEWEST else None
    assert p95 == expected


@given(samples=st.lists(SECONDS, min_size=FEWEST, max_size=WINDOW), outrun=SECONDS)
def test_who_was_outrun_never_makes_others_late_earlier(samples, outrun):
    recent = after(samples)
    before = recent.p95

    recent.outrun(outrun)

    assert recent.p95 >= before or len(samples) == WINDOW


def test_without_answers_nobody_is_late(health):
    say(health, A, *[ANSWERED] * (FEWEST - 1), seconds=0.1)
    say(health, A, AttemptResult.FAILED, seconds=9.0)
    assert health.late_after(A) is None

    say(health, A, ANSWERED, seconds=0.3)

    assert health.late_after(A) == 0.1


@given(calls=st.lists(st.booleans(), max_size=400))
def test_hedges_are_never_more_than_their_share_of_calls(calls):
    """True: a call ends; False: one asks for a hedge."""
    budget, ended, hedges = hedge_budget(0.0), 0, 0
    for number, is_call in enumerate(calls):
        if is_call:
            budget.call(float(number))
            ended += 1
        else:
            hedges += budget.take(float(number))
        assert hedges <= HEDGES * ended + 1e-9
