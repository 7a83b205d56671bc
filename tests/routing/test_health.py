"""What rests, why, and for how long. `peer_bug` marks those that another gateway had to mend."""

import random
from dataclasses import replace

import pytest

from apps.routing.breaker import Reason
from apps.routing.health import Health, Permit
from apps.routing.rests import Resting
from apps.routing.types import AttemptResult
from tests.routing.test_strategies import deployment

ANSWERED, FAILED, LIMITED = AttemptResult.ANSWERED, AttemptResult.FAILED, AttemptResult.LIMITED
A, B, C, D = (deployment(slug) for slug in "abcd")


def say(health, target, *outcomes, retry_after=None, seconds=2.0):
    """Requests are sent, one after the other, and end like this."""
    for outcome in outcomes:
        with health.permit(target) as permit:
            health.ended(permit, seconds=seconds, outcome=outcome, retry_after=retry_after)


def late(health, target, outcome, **values):
    """One that was sent before the deployment began to rest ends."""
    health.ended(Permit(health, target), seconds=2.0, outcome=outcome, **values)


def reasons(health, *targets):
    return {slug: rest.reason for slug, rest in health.resting(targets).items()}


# --- the breaker ----------------------------------------------------------------------------------
def test_five_failures_in_a_row_open_it(health):
    say(health, A, *[FAILED] * 4)
    assert health.rest(A) is None

    say(health, A, FAILED)

    assert health.rest(A).reason is Reason.IN_A_ROW
    assert 5 <= health.rest(A).seconds <= 6
    with pytest.raises(Resting), health.permit(A):
        pass


def test_it_lets_three_probes_through_and_two_good_ones_close_it(health, clock):
    say(health, A, *[FAILED] * 5)
    clock.now += 7

    with health.permit(A) as first, health.permit(A) as second, health.permit(A):
        assert health.rest(A).seconds > 0
        with pytest.raises(Resting), health.permit(A):
            pass
        health.ended(first, seconds=1, outcome=ANSWERED)
        health.ended(second, seconds=1, outcome=ANSWERED)

    assert health.rest(A) is None
    say(health, A, *[FAILED] * 4)
    assert health.rest(A) is None


def test_each_failed_probing_doubles_the_rest_up_to_a_minute(health, clock):
    say(health, A, *[FAILED] * 5)
    lengths = []
    for _ in range(6):
        lengths.append(round(health.rest(A).seconds))
        clock.now += health.rest(A).seconds
        say(health, A, FAILED, FAILED)

    assert [5 <= lengths[0] <= 6, 10 <= lengths[1] <= 12, 20 <= lengths[2] <= 24] == [True] * 3
    assert all(60 <= length <= 72 for length in lengths[4:])


@pytest.mark.parametrize("outcome", [AttemptResult.IGNORED, LIMITED])
def test_what_is_no_failure_gives_its_probe_back(health, clock, outcome):
    say(health, A, *[FAILED] * 5)
    clock.now += 7

    for _ in range(5):
        say(health, A, outcome, retry_after=0.0)

    with health.permit(A), health.permit(A), health.permit(A):
        pass


def test_a_probe_that_was_never_sent_is_given_back(health, clock):
    say(health, A, *[FAILED] * 5)
    clock.now += 7
    for _ in range(5):
        with pytest.raises(RuntimeError), health.permit(A):
            raise RuntimeError("over budget")

    with health.permit(A), health.permit(A), health.permit(A):
        pass


def test_a_callers_faults_count_nothing(health):
    say(health, A, *[AttemptResult.IGNORED] * 100)
    assert health.rest(A) is None


def test_a_caller_in_a_hurry_cannot_take_a_deployment_from_others(health):
    say(health, A, ANSWERED, seconds=4.0)
    say(health, A, *[AttemptResult.TIMED_OUT] * 50, seconds=5.0)
    assert health.rest(A) is None

    say(health, A, *[AttemptResult.TIMED_OUT] * 5, seconds=9.0)
    assert health.rest(A).reason is Reason.IN_A_ROW


def test_one_that_is_always_slow_rests(health):
    say(health, A, *[ANSWERED] * 20, seconds=61.0)
    assert health.rest(A).reason is Reason.SLOW_RATE


def test_what_is_slow_is_said_for_each_deployment(health):
    quick = replace(A, slow_seconds=0.5)

    say(health, quick, *[ANSWERED] * 20, seconds=0.6)
    say(health, B, *[ANSWERED] * 20, seconds=0.6)

    assert reasons(health, C, D, quick, B) == {"a": Reason.SLOW_RATE}


def test_a_time_out_after_what_is_slow_there_is_never_the_callers_haste(health):
    quick, patient = replace(A, slow_seconds=0.5), replace(B, slow_seconds=120.0)

    for target, usual in ((quick, None), (patient, 50.0)):
        say(health, target, *[ANSWERED] * bool(usual), seconds=usual)
        say(health, target, *[AttemptResult.TIMED_OUT] * 5, seconds=0.6 if usual is None else 61.0)

    assert reasons(health, quick, patient) == {"a": Reason.IN_A_ROW}
    say(health, patient, *[AttemptResult.TIMED_OUT] * 5, seconds=100.0)
    assert reasons(health, patient) == {"b": Reason.IN_A_ROW}


# --- the floor ------------------------------------------------------------------------------------
def half_bad(health, *targets):
    for target in targets:
        say(health, target, *[FAILED, ANSWERED] * 10)


def test_statistics_take_out_at_most_half_of_a_pool(health):
    half_bad(health, A, B, C)

    assert len(health.resting([A, B, C, D])) == 2
    assert len(health.resting([A, B, C])) == 1
    assert health.resting([A]) == {}
    say(health, A, ANSWERED)  # it may be called


def test_the_dead_count_first_and_the_last_usable_one_stays(health):
    half_bad(health, A)
    say(health, B, *[FAILED] * 5)

    assert reasons(health, A, B) == {"b": Reason.IN_A_ROW}


def test_one_that_the_floor_kept_rests_when_it_dies(health):
    half_bad(health, A)
    assert health.resting([A]) == {}

    say(health, A, *[FAILED] * 5)

    assert reasons(health, A) == {"a": Reason.IN_A_ROW}


def test_when_all_are_dead_all_rest(health):
    for target in (A, B):
        say(health, target, *[FAILED] * 5)
    assert set(health.resting([A, B])) == {"a", "b"}


# --- credentials ----------------------------------------------------------------------------------
def test_a_refused_credential_rests_with_all_its_deployments(health, clock):
    say(health, A, AttemptResult.UNAUTHORISED)

    assert reasons(health, A, B) == {"a": Reason.CREDENTIAL, "b": Reason.CREDENTIAL}
    clock.now += 400
    say(health, B, ANSWERED)  # somebody mended it
    assert health.resting([A, B]) == {}


def test_a_forbidden_request_is_not_yet_a_bad_credential(health):
    say(health, A, AttemptResult.FORBIDDEN, AttemptResult.FORBIDDEN, ANSWERED)
    say(health, A, AttemptResult.FORBIDDEN, AttemptResult.FORBIDDEN)
    assert health.rest(A) is None

    say(health, A, AttemptResult.FORBIDDEN)
    assert health.rest(A).reason is Reason.CREDENTIAL


# --- who is told ----------------------------------------------------------------------------------
def test_each_rest_is_told_once_and_when_it_grows(clock):
    told = []
    health = Health(clock, random.Random(1), lambda d, rest: told.append((d.slug, rest.reason)))

    say(health, A, *[FAILED] * 5)
    late(health, A, FAILED)
    late(health, B, LIMITED, retry_after=9.0)
    late(health, B, LIMITED, retry_after=2.0)
    late(health, B, LIMITED, retry_after=30.0)
    late(health, C, AttemptResult.UNAUTHORISED)

    limited = ("b", Reason.LIMITED)
    assert told == [("a", Reason.IN_A_ROW), limited, limited, ("c", Reason.CREDENTIAL)]


# --- neighbours -----------------------------------------------------------------------------------
def test_what_rests_here_rests_at_a_neighbour(health, clock):
    there = Health(clock)
    say(health, A, *[FAILED] * 5)
    say(health, B, LIMITED, retry_after=30.0)
    there.hear(health.own_report())

    assert reasons(there, A, B, C) == {"a": Reason.IN_A_ROW, "b": Reason.LIMITED}
    assert there.own_report() == {}, "what was heard is not told on: it would never end"
    clock.now += 31
    say(there, A, ANSWERED)


def test_two_that_tell_each_other_do_not_keep_it_resting(health, clock):
    there = Health(clock, random.Random(2))
    for one in (health, there):
        say(one, A, *[FAILED] * 5)
    for _ in range(8):
        said, heard = health.own_report(), there.own_report()
        clock.now += 1.0  # an exchange's delay
        there.hear(said)
        health.hear(heard)

    assert health.rest(A) is None
    assert there.rest(A) is None


def test_what_a_newer_version_says_is_passed_over(health):
    row = (5.0, "in_a_row", 0)
    health.hear({"d:a": (5.0, "something_new", 0), "x:a": row, "a": row})
    assert health.rest(A) is None
