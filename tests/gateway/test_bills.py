"""What an answer or an error says of its cost: all of it, once, and marked if it is an estimate."""

import pytest

from apps.core.money import exact_usd
from apps.gateway.guards import Verdict
from apps.gateway.types import CallSpec
from apps.ledger.models import Attempt, Entry
from apps.registry.models import Deployment
from tests.factories import make_deployment, make_key
from tests.gateway.asgi import HELLO, Visit
from tests.gateway.conftest import make_call, run_calls

CHAT = {"model": "small", "messages": [HELLO]}
STREAM = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}
BILL = {"x-llm-attempts", "x-llm-cost-usd", "x-llm-cost-estimated"}


@pytest.fixture
def visit(runtime, shop):
    return lambda body: Visit(runtime, make_key(shop)).run(body=body)


def booked() -> str:
    return exact_usd(sum(Entry.objects.values_list("amount_pico", flat=True)))


def test_an_exact_cost_is_not_marked(visit):
    found = visit(CHAT)
    assert found.headers["x-llm-cost-usd"] == booked()
    assert "x-llm-cost-estimated" not in found.headers
    assert "cost_estimated" not in visit(STREAM).events[-2]["usage"]


def test_an_answer_without_usage_costs_an_estimate_and_says_so(visit, upstream):
    upstream.behave(usage="missing")
    found = visit(CHAT)
    assert Entry.objects.get().kind == "estimate"
    assert found.headers["x-llm-cost-usd"] == booked()
    assert found.headers["x-llm-cost-estimated"] == "true"


def test_a_stream_without_usage_says_so_in_its_last_chunk(visit, upstream):
    upstream.behave(usage="missing")
    usage = visit(STREAM).events[-2]["usage"]
    assert (usage["cost_usd"], usage["cost_estimated"]) == (booked(), True)


def test_an_answer_without_a_price_is_no_exact_0(visit):
    priced = Deployment.objects.get()
    make_deployment(slug="bare", model=priced.model, provider=priced.provider)
    Deployment.objects.filter(slug="small-1").update(active=False)
    found = visit(CHAT)
    assert Entry.objects.get().kind == "unpriced"
    assert float(found.headers["x-llm-cost-usd"]) == 0
    assert found.headers["x-llm-cost-estimated"] == "true"


def test_an_answer_after_an_attempt_whose_outcome_is_unknown_is_marked(visit, upstream):
    upstream.behave(reset="before_headers", times=1)
    found = visit(CHAT)
    assert found.headers["x-llm-attempts"] == "2"
    assert sorted(Entry.objects.values_list("kind", flat=True)) == ["charge", "estimate"]
    assert found.headers["x-llm-cost-usd"] == booked()
    assert found.headers["x-llm-cost-estimated"] == "true"


def test_an_error_after_attempts_says_how_many_and_what_they_cost(visit, upstream):
    upstream.behave(status=500)
    found = visit(CHAT)
    assert found.status == 503
    assert found.headers["x-llm-attempts"] == "3"
    assert float(found.headers["x-llm-cost-usd"]) == 0
    assert "x-llm-cost-estimated" not in found.headers


def test_an_error_without_attempts_says_nothing_of_them(visit, upstream):
    assert not BILL & visit({**CHAT, "model": "none"}).headers.keys()


def test_attempts_are_told_once(runtime, shop, upstream):
    """Equal calls that waited for those that failed made none themselves."""
    upstream.behave(status=409, latency=0.1)  # tried again, and no reason for it to rest
    spec = CallSpec(model="small", messages=(HELLO,))
    calls = [make_call(shop, spec, seconds=60) for _ in range(30)]

    refused = run_calls(runtime, calls, raising=False)

    assert sorted(each.attempts for each in refused) == [0] * 27 + [3] * 3
    assert sum(each.attempts for each in refused) == Attempt.objects.count()
    assert [each.spent for each in refused if not each.attempts] == [None] * 27


def test_what_a_policy_held_back_was_paid_for_all_the_same(visit, monkeypatch):
    monkeypatch.setattr(
        "apps.gateway.attempt_loop.guard_output", lambda outcome: Verdict(blocked="No.")
    )
    found = visit(CHAT)
    assert (found.status, found.headers["x-llm-attempts"]) == (403, "1")
    assert found.headers["x-llm-cost-usd"] == booked() != exact_usd(0)
