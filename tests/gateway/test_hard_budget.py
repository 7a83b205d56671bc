"""A hard budget is never overspent, whoever calls at once."""

import threading

import pytest

from apps.budgets.models import Budget, Hold, Window
from apps.gateway.types import CallRefused, CallSpec
from apps.ledger.models import Attempt, Entry
from tests.gateway.conftest import make_call, run_calls

CALLERS, ADMITTED = 200, 50


def spec(index: int) -> CallSpec:
    return CallSpec(
        model="small",
        messages=({"role": "user", "content": f"question {index:03d}"},),
        parameters={"max_tokens": 10},
    )


def make_budget(limit_pico: int, **values) -> Budget:
    defaults = {"slug": "shop-month", "name": "Shop", "service": "shop", "period": "month"}
    return Budget.objects.create(**(defaults | values), limit_pico=limit_pico)


@pytest.fixture
def hold_pico(runtime, shop) -> int:
    """What one of the calls holds, learned from a real one."""
    run_calls(runtime, [make_call(shop, spec(999))])
    return Hold.objects.get().amount_pico


def test_exactly_as_many_calls_reach_the_provider_as_the_budget_pays_for(
    runtime, shop, upstream, hold_pico
):
    budget = make_budget(hold_pico * ADMITTED)
    upstream.reset()
    upstream.behave(latency=2.0)  # all 200 are decided while the 50 are still running
    sampled, stop = [], threading.Event()
    sampler = threading.Thread(target=sample, args=(budget, sampled, stop))
    sampler.start()

    calls = [make_call(shop, spec(index), 60) for index in range(CALLERS)]
    results = run_calls(runtime, calls, raising=False)
    stop.set()
    sampler.join()

    refused = [result for result in results if isinstance(result, CallRefused)]
    assert len(upstream.log()) == ADMITTED
    assert len(refused) == CALLERS - ADMITTED
    assert {refusal.code for refusal in refused} == {"budget_exceeded"}
    assert refused[0].details["budget"] == "shop-month"
    assert len(sampled) > 5
    assert max(sampled) <= budget.limit_pico
    window = Window.objects.get()
    assert window.held_pico == 0
    assert window.posted_pico == sum(
        entry.amount_pico for entry in Entry.objects.exclude(request_id=first_request())
    )


def first_request() -> str:
    """The request that only taught us the size of a hold, before there was a budget."""
    return Attempt.objects.order_by("id")[0].request_id


def sample(budget, sampled, stop):
    """posted + held as any other process would see them, again and again."""
    from django.db import connection

    while not stop.wait(0.01):
        for window in Window.objects.filter(budget=budget):
            sampled.append(window.posted_pico + window.held_pico)
    connection.close()


def test_a_raised_limit_is_in_force_at_once(runtime, shop, hold_pico):
    budget = make_budget(hold_pico - 1)
    (refused,) = run_calls(runtime, [make_call(shop, spec(1))], raising=False)
    assert isinstance(refused, CallRefused)

    budget.limit_pico = hold_pico
    budget.save()

    assert run_calls(runtime, [make_call(shop, spec(1))])[0].text


def test_an_unpriced_model_is_refused_under_a_hard_budget(runtime, shop, upstream):
    from apps.registry.models import Deployment, Model
    from tests.factories import make_deployment

    make_budget(10**12)
    model = Model.objects.get(slug="small")
    provider = Deployment.objects.get(slug="small-1").provider
    make_deployment(slug="unpriced", model=model, provider=provider, priority=1)
    Deployment.objects.filter(slug="small-1").update(active=False)

    (refused,) = run_calls(runtime, [make_call(shop, spec(1))], raising=False)

    assert isinstance(refused, CallRefused)
    assert refused.code == "budget_exceeded"
    assert upstream.log() == []


def test_an_unpriced_call_without_a_hard_budget_lands_in_finance_queue(runtime, shop, upstream):
    from apps.registry.models import Deployment, Model
    from tests.factories import make_deployment

    model = Model.objects.get(slug="small")
    provider = Deployment.objects.get(slug="small-1").provider
    make_deployment(slug="unpriced", model=model, provider=provider, priority=1)

    run_calls(runtime, [make_call(shop, spec(1))])

    assert Entry.objects.get().kind == "unpriced"
