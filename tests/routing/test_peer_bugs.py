"""Seven faults of another gateway's cooldowns, each of which it had to mend."""

import pytest

from apps.gateway.deciding import pause_for
from apps.routing.rests import Resting
from apps.routing.types import Choice, Decision, Strategy
from tests.routing.test_health import ANSWERED, FAILED, LIMITED, A, B, C, late, say


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
