"""What rests, why, and for how long. `peer_bug` marks those that another gateway had to mend."""

import random

import pytest

from apps.gateway.deciding import pause_for
from apps.gateway.retry import Plan
from apps.providers.errors import ErrorKind, ProviderError
from apps.routing.breaker import Reason
from apps.routing.health import Health, Permit, Resting
from apps.routing.types import AttemptResult, Choice, Decision, Strategy
from tests.routing.test_strategies import Clock, deployment

ANSWERED, FAILED, LIMITED = AttemptResult.ANSWERED, AttemptResult.FAILED, AttemptResult.LIMITED
A, B, C, D = (deployment(slug) for slug in "abcd")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def health(clock):
    return Health(clock, random.Random(1))


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
    health.hear({"d:a": (5.0, "something_new"), "x:a": (5.0, "in_a_row"), "a": (5.0, "in_a_row")})
    assert health.rest(A) is None


# --- seven bugs of a peer's cooldowns -------------------------------------------------------------
def test_peer_bug_1_a_second_429_never_shortens_the_first(health, clock):
    """LiteLLM #40130."""
    late(health, A, LIMITED, retry_after=60.0)
    clock.now += 1
    late(health, A, LIMITED, retry_after=2.0)

    assert health.rest(A).seconds == 59


def test_peer_bug_2_a_call_waits_for_a_pool_that_only_cools_down(health):
    """LiteLLM #3646: all cooling, it failed at once."""
    say(health, A, LIMITED, retry_after=2.0)
    say(health, B, LIMITED, retry_after=1.0)
    decision = Decision("r", Strategy.PRIORITY, (Choice(A, ""), Choice(B, "")))
    rests = health.resting([A, B])

    assert 1.0 <= pause_for(decision, rests, remaining=20) <= 1.2
    assert pause_for(decision, rests, remaining=0.9) == 0
    assert pause_for(decision, {"a": rests["a"]}, remaining=20) == 0


def test_peer_bug_2_nobody_waits_for_what_is_broken(health):
    say(health, A, *[FAILED] * 5)
    decision = Decision("r", Strategy.PRIORITY, (Choice(A, ""),))
    assert pause_for(decision, health.resting([A]), remaining=100) == 0


def test_peer_bug_3_a_lonely_deployment_rests_as_well(health):
    """LiteLLM PR #8668."""
    say(health, A, LIMITED, retry_after=9.0)
    assert set(health.resting([A])) == {"a"}
    say(health, B, *[FAILED] * 5)
    assert set(health.resting([B])) == {"b"}


def test_peer_bug_4_each_deployment_has_its_own_time(health):
    """LiteLLM PR #12037."""
    say(health, A, LIMITED, retry_after=3.0)
    say(health, B, LIMITED, retry_after=40.0)
    say(health, C, LIMITED)

    seconds = {slug: rest.seconds for slug, rest in health.resting([A, B, C]).items()}
    assert seconds == {"a": 3.0, "b": 40.0, "c": 1.0}


def test_peer_bug_5_zero_is_a_time_and_not_a_missing_one(health):
    """LiteLLM PR #12108."""
    say(health, A, LIMITED, retry_after=0.0)
    assert health.rest(A) is None


def test_peer_bug_6_one_failure_is_no_reason_to_rest(health):
    """LiteLLM PR #5698."""
    say(health, A, *[ANSWERED] * 9, FAILED, *[ANSWERED] * 9, FAILED)
    say(health, B, FAILED)
    assert health.resting([A, B]) == {}


def test_peer_bug_7_an_error_of_ours_blames_nobody(health):
    """LiteLLM PR #40718: “all rest” was counted as one more failure."""
    say(health, A, *[FAILED] * 5)
    before = health.rest(A).seconds
    for _ in range(10):
        with pytest.raises(Resting), health.permit(A):
            pass

    assert health.rest(A).seconds == before
    assert health.resting([A, B]).keys() == {"a"}


# --- the plan of a call ---------------------------------------------------------------------------
def failed(kind=ErrorKind.SERVER_ERROR, **values):
    return ProviderError(kind, "x", **values)


def test_a_fallback_that_rests_is_passed_over(health):
    say(health, B, *[FAILED] * 5)
    plan = Plan([A, B, C], health)
    plan.first()
    assert plan.after(failed(), remaining=60).deployment is C


def test_a_step_whose_deployment_rests_by_now_goes_elsewhere(health):
    plan = Plan([A, B], health)
    plan.first()
    step = plan.instead(remaining=60)

    assert (step.deployment, step.purpose, plan.attempts) == (B, "answer", 1)
    assert plan.instead(remaining=60) is None


def test_a_retry_waits_out_a_cooldown_and_no_breaker(health):
    plan = Plan([A], health)
    plan.first()
    say(health, A, LIMITED, retry_after=2.0)
    error = failed(ErrorKind.RATE_LIMITED, retry_after=2.0)
    assert plan.after(error, remaining=60).delay >= 2.0

    late(health, A, FAILED)
    for _ in range(4):
        late(health, A, FAILED)
    assert plan.after(failed(), remaining=60) is None


def test_no_attempt_that_cannot_end_before_the_deadline(health):
    say(health, A, ANSWERED, seconds=10.0)
    say(health, B, ANSWERED, seconds=10.0)
    plan = Plan([A, B], health)
    plan.first()
    assert plan.after(failed(), remaining=9) is None


def test_a_used_up_budget_ends_the_retries(health):
    granted = 0
    for _ in range(30):
        plan = Plan([A], health)
        plan.first()
        granted += plan.after(failed(), remaining=60) is not None
    assert granted == 10
