"""An operator ends a rest: every process follows once, whatever neighbours still say."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.routing.breaker import Reason
from apps.routing.health import Health
from apps.routing.rests import credential_of
from apps.routing.types import AttemptResult
from tests.routing.test_health import ANSWERED, FAILED, LIMITED, A, B, late, say
from tests.routing.test_strategies import Clock

ENDED = {"d:a": 1, "l:a": 1}


def test_a_rest_ends_and_five_new_failures_begin_another(health):
    say(health, A, *[FAILED] * 5)
    say(health, B, *[FAILED] * 5)

    health.end_rests(ENDED)

    assert (health.rest(A), health.rest(B).reason) == (None, Reason.IN_A_ROW)
    say(health, A, *[FAILED] * 4)
    assert health.rest(A) is None
    say(health, A, FAILED)
    assert 5 <= health.rest(A).seconds <= 6, "as after the first failures: it was closed"


def test_an_order_is_followed_once(health):
    health.end_rests(ENDED)
    say(health, A, *[FAILED] * 5)

    health.end_rests(ENDED)

    assert health.rest(A) is not None
    health.end_rests({"d:a": 2})
    assert health.rest(A) is None


def test_a_cooldown_and_a_quarantine_end(health):
    say(health, A, LIMITED, retry_after=500.0)
    late(health, A, AttemptResult.UNAUTHORISED)
    assert health.rest(B).reason is Reason.CREDENTIAL

    health.end_rests(ENDED)
    assert health.rest(A).reason is Reason.CREDENTIAL
    health.end_rests({credential_of(A): 3})

    assert (health.rest(A), health.rest(B)) == (None, None)
    say(health, A, ANSWERED)


def test_who_has_not_heard_of_the_order_cannot_bring_the_rest_back(health, clock):
    there = Health(clock, random.Random(2))
    say(health, A, *[FAILED] * 5)
    late(health, A, LIMITED, retry_after=60.0)
    before = health.own_report()
    there.hear(before)

    there.end_rests(ENDED)
    there.hear(before)

    assert there.rest(A) is None
    health.end_rests(ENDED)
    say(health, A, *[FAILED] * 5)
    there.hear(health.own_report())
    assert there.rest(A).reason is Reason.IN_A_ROW, "a rest that began afterwards counts"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("fail"), st.integers(0, 2)),
        st.tuples(st.just("limit"), st.integers(0, 2)),
        st.tuples(st.just("tell"), st.integers(0, 2)),
        st.tuples(st.just("wait"), st.integers(1, 40)),
    ),
    max_size=40,
)


@given(before=STEPS, order=st.permutations([0, 1, 2]))
def test_when_all_have_followed_nothing_rests_whatever_came_before(before, order):
    """Three processes that fail, tell each other, and follow at different times, with all they
    have to say said between: when the last has followed, no rest of before is left anywhere."""
    clock = Clock()
    processes = [Health(clock, random.Random(seed)) for seed in range(3)]
    for what, value in before:
        step(clock, processes, what, value)
    for number in order:
        told = [process.own_report() for process in processes]
        processes[number].end_rests(ENDED)
        for process in processes:
            for report in told:
                process.hear(report)

    tell_all(processes)

    assert [process.rest(A) for process in processes] == [None] * 3


def step(clock, processes, what, value):
    if what == "wait":
        clock.now += value
    elif what == "tell":
        tell_all(processes)
    elif what == "fail":
        for _ in range(5):
            late(processes[value], A, FAILED)
    else:
        late(processes[value], A, LIMITED, retry_after=30.0)


def tell_all(processes):
    for report in [process.own_report() for process in processes]:
        for process in processes:
            process.hear(report)


@pytest.mark.parametrize("many", [3, 30])
def test_conditions_say_what_a_person_needs(health, clock, many):
    say(health, A, *[FAILED, ANSWERED] * many)
    (own, *credential) = health.conditions()
    assert (own.subject, own.calls, own.failed) == ("d:a", min(many * 2, 20), min(many, 10))
    assert (own.state == "open") == (many == 30)
