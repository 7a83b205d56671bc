"""The tier's token buckets, shared by every process."""

import time

import pytest

from apps.access.models import Tier
from apps.gateway.openai_api.errors import limit_headers
from apps.gateway.runtime import Runtime
from apps.gateway.types import CallOutcome, CallRefused, CallSpec
from tests.factories import make_service, make_tier
from tests.gateway.conftest import make_call, run_calls


def spec(number: int) -> CallSpec:
    return CallSpec(
        model="small",
        messages=({"role": "user", "content": f"question {number}"},),
        parameters={"max_tokens": 10},
    )


def outcomes(runtime, service, count, **values):
    calls = [make_call(service, spec(number), **values) for number in range(count)]
    return run_calls(runtime, calls, raising=False)


def refusals(results):
    return [result for result in results if isinstance(result, CallRefused)]


@pytest.fixture
def slow_service(shop):
    return make_service("slow", tier=make_tier(slug="slow", requests_per_second=1, burst=5))


def test_the_burst_passes_and_the_rest_is_told_when_to_come_back(runtime, slow_service, upstream):
    results = outcomes(runtime, slow_service, 12)

    refused = refusals(results)
    assert len(upstream.log()) == 5
    assert len(refused) == 7
    assert {refusal.code for refusal in refused} == {"rate_limited"}
    assert all(0 < refusal.retry_after <= 1.0 for refusal in refused)
    assert refused[0].details["limits"] == {"requests": 5}


def test_an_answer_says_what_is_left(runtime, slow_service, upstream):
    first, second = (outcomes(runtime, slow_service, 1)[0] for _ in range(2))

    headers = limit_headers(second.levels)
    assert [level.remaining for level in first.levels] == [4]
    assert headers["x-ratelimit-limit-requests"] == "5"
    assert headers["x-ratelimit-remaining-requests"] == "3"
    assert 1.0 < float(headers["x-ratelimit-reset-requests"].rstrip("s")) <= 2.0


def test_two_processes_share_one_bucket(runtime, slow_service, upstream):
    other = Runtime()
    other.start()
    try:
        first = outcomes(runtime, slow_service, 4)
        second = outcomes(other, slow_service, 4)
    finally:
        other.stop(grace_seconds=5)

    assert refusals(first) == []
    assert len(refusals(second)) == 3


def test_one_service_does_not_use_up_anothers_bucket(runtime, slow_service, upstream):
    neighbour = make_service("neighbour", tier=Tier.objects.get(slug="slow"))
    outcomes(runtime, slow_service, 8)

    assert refusals(outcomes(runtime, neighbour, 5)) == []


def test_a_call_that_may_wait_waits_for_its_turn(runtime, shop, upstream):
    service = make_service(
        "patient", tier=make_tier(slug="twenty", requests_per_second=20, burst=1)
    )

    started = time.time()
    results = outcomes(runtime, service, 30, rate_limit_wait=10.0)

    assert refusals(results) == []
    times = [entry["at"] for entry in upstream.log()]
    assert max(times) - started >= 10 / 20  # the bucket holds one second's worth: 20


def test_tokens_are_limited_too(runtime, shop, upstream):
    tier = make_tier(slug="few-tokens", tokens_per_minute=60)
    results = outcomes(runtime, make_service("talkative", tier=tier), 10)

    allowed = [result for result in results if isinstance(result, CallOutcome)]
    assert 1 <= len(allowed) < 10
    assert {refusal.code for refusal in refusals(results)} == {"rate_limited"}


def test_calls_at_once_are_bounded_and_freed(runtime, shop, upstream):
    service = make_service("narrow", tier=make_tier(slug="two-at-once", concurrent_calls=2))
    upstream.behave(latency=0.5)

    first = outcomes(runtime, service, 5)
    second = outcomes(runtime, service, 2, rate_limit_wait=10.0)

    assert len(refusals(first)) == 3
    assert "calls at once" in refusals(first)[0].message
    assert refusals(second) == []


def test_tokens_that_a_call_did_not_use_come_back(runtime, shop, upstream):
    service = make_service("brief", tier=make_tier(slug="6000", tokens_per_minute=6000))
    roomy = [
        CallSpec(
            model="small",
            messages=({"role": "user", "content": f"question {number}"},),
            parameters={"max_tokens": 1000},
        )
        for number in range(10)
    ]

    results = [run_calls(runtime, [make_call(service, one)], raising=False)[0] for one in roomy]

    assert refusals(results) == []  # 10,000 tokens were reserved in all
