"""Deployments that fail rest: calls pass them by, and nobody waits for them when all rest."""

import pytest

from apps.budgets.models import Hold
from apps.gateway.observing import result_of
from apps.gateway.types import CallRefused, CallSpec
from apps.ledger.models import Attempt, Entry
from apps.providers.errors import ErrorKind, ProviderError
from tests.gateway.conftest import make_call, run_calls
from tests.gateway.test_failing_providers import add_second


def models_called(upstream):
    return [entry["model"] for entry in upstream.log()]


def refusal_of(call_pipeline, **values):
    with pytest.raises(CallRefused) as refused:
        call_pipeline(**values)
    return refused.value


def test_a_dead_deployment_costs_five_calls_and_then_none(call_pipeline, upstream):
    add_second(upstream)
    upstream.behave(model="small", status=500)

    for number in range(12):
        assert call_pipeline(f"hello {number}").deployment == "small-2"

    assert models_called(upstream).count("small") == 5
    assert Entry.objects.count() == 12


def test_when_all_rest_nothing_is_sent_and_the_answer_says_until_when(call_pipeline, upstream):
    upstream.behave(model="small", status=500)
    for _ in range(2):
        refusal_of(call_pipeline)
    sent = len(upstream.log())
    assert sent == 5, "three attempts, then two: the third of the second call finds it resting"

    refusal = refusal_of(call_pipeline)

    assert (refusal.code, refusal.status, refusal.attempts) == ("no_deployment", 503, 0)
    assert 1 <= refusal.retry_after <= 6
    assert "small-1: it rests for" in refusal.message
    assert refusal.details["skipped"][0]["reason"] == "resting"
    assert len(upstream.log()) == sent == Attempt.objects.count()
    assert not Hold.objects.filter(status="held").exists()


@pytest.mark.parametrize("status", [400, 413, 422])
def test_callers_faults_let_nothing_rest(call_pipeline, upstream, status):
    upstream.behave(model="small", status=status, times=8)
    for _ in range(8):
        assert refusal_of(call_pipeline).code != "no_deployment"

    assert call_pipeline().deployment == "small-1"


def test_one_that_has_lost_its_model_rests(call_pipeline, upstream):
    add_second(upstream)
    upstream.behave(model="small", status=404)
    for _ in range(5):
        assert refusal_of(call_pipeline).code == "provider_failed"

    assert call_pipeline().deployment == "small-2"
    assert models_called(upstream).count("small") == 5


def test_what_one_request_named_and_nobody_has_is_no_lost_model(call_pipeline, upstream):
    for number in range(4):
        upstream.behave(model="small", status=404, times=2)
        for _ in range(2):
            assert refusal_of(call_pipeline).code == "provider_failed"
        assert call_pipeline(f"hello {number}").deployment == "small-1"


def test_a_429_lets_it_rest_for_as_long_as_it_asked(call_pipeline, upstream):
    add_second(upstream)
    upstream.behave(model="small", status=429, headers={"retry-after": "60"}, times=1)

    for number in range(3):
        assert call_pipeline(f"hello {number}").deployment == "small-2"

    assert models_called(upstream).count("small") == 1


def test_a_pool_that_only_cools_down_is_waited_for(call_pipeline, upstream):
    upstream.behave(model="small", status=429, headers={"retry-after": "1"}, times=1)
    assert refusal_of(call_pipeline, seconds=0.9).code == "provider_failed"

    assert call_pipeline().deployment == "small-1"

    assert Attempt.objects.count() == 2


def test_a_long_cooldown_is_told_and_not_waited_for(call_pipeline, upstream):
    upstream.behave(model="small", status=429, headers={"retry-after": "20"})

    first, second = refusal_of(call_pipeline), refusal_of(call_pipeline)

    assert (first.code, first.status, first.attempts, first.retry_after) == (
        "provider_failed",
        503,
        1,
        20,
    )
    assert (second.code, second.attempts) == ("no_deployment", 0)
    assert len(upstream.log()) == 1


def test_a_refused_credential_rests_with_everything_behind_it(call_pipeline, upstream):
    add_second(upstream)
    upstream.behave(model="small", status=401)

    for number in range(3):
        assert call_pipeline(f"hello {number}").deployment == "small-2"

    assert models_called(upstream).count("small") == 1


def test_a_call_under_way_when_it_begins_to_rest_goes_elsewhere(
    runtime, call_pipeline, shop, upstream
):
    """Fifty at once at a dead deployment: all are answered, no hold and no attempt is left open."""
    add_second(upstream)
    upstream.behave(model="small", status=500)
    messages = [({"role": "user", "content": f"hello {n}"},) for n in range(50)]
    calls = [make_call(shop, CallSpec(model="small", messages=each)) for each in messages]

    outcomes = run_calls(runtime, calls)

    assert [outcome.deployment for outcome in outcomes] == ["small-2"] * 50
    assert len(upstream.log()) == Attempt.objects.count()
    assert not Hold.objects.filter(status="held").exists()
    assert not Attempt.objects.filter(status="started").exists()


def test_the_explanation_says_that_it_rests(call_pipeline, runtime, shop, upstream):
    add_second(upstream)
    upstream.behave(model="small", status=429, headers={"retry-after": "60"})
    call_pipeline()
    told = []
    spec = CallSpec(model="small", messages=({"role": "user", "content": "again"},))

    run_calls(runtime, [make_call(shop, spec, on_decision=told.append)])

    assert [(skip.deployment, skip.reason) for skip in told[0].skipped] == [("small-1", "resting")]
    assert "429" in told[0].skipped[0].detail


def test_when_all_are_dead_the_load_on_them_is_no_more_than_that_of_the_callers(
    runtime, call_pipeline, shop, upstream
):
    """P4: requests sent ≤ 1.1 × calls + 3."""
    add_second(upstream)
    upstream.behave(status=500)
    messages = [({"role": "user", "content": f"hello {n}"},) for n in range(60)]
    calls = [make_call(shop, CallSpec(model="small", messages=each)) for each in messages]

    for number in range(0, 60, 4):
        refusals = run_calls(runtime, calls[number : number + 4], raising=False)
        assert all(refusal.retry_after is not None for refusal in refusals)

    assert len(upstream.log()) <= 1.1 * 60 + 3
    assert refusals[0].code == "no_deployment"


def test_every_kind_of_error_says_whom_it_blames():
    blamed = {kind: result_of(ProviderError(kind, "x")) for kind in ErrorKind}

    failures = {"connect", "reset", "server_error", "bad_response", "incomplete"}
    assert {kind for kind, result in blamed.items() if result == "failed"} == failures
    assert {k: r for k, r in blamed.items() if r not in {"failed", "ignored"}} == {
        "timeout": "timed_out",
        "rate_limited": "limited",
        "auth": "unauthorised",
        "not_found": "missing",
        "outrun": "outrun",
    }


def test_403_may_be_one_request_and_no_quota_is_everybodys():
    forbidden = ProviderError(ErrorKind.AUTH, "x", status=403)
    no_quota = ProviderError(ErrorKind.RATE_LIMITED, "x", code="insufficient_quota")

    assert result_of(forbidden) == "forbidden"
    assert result_of(no_quota) == "unauthorised"
