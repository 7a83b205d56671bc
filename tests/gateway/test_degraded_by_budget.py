"""A budget without room may say what is sent instead: a cheaper model, or a shorter answer."""

import pytest

from apps.budgets.models import Budget, Hold, Window
from apps.core.ids import uuid7
from apps.gateway.types import CallRefused, CallSpec
from apps.ledger.models import Attempt
from apps.registry.models import Deployment
from tests.factories import make_model, make_price, make_priced_deployment
from tests.gateway.conftest import make_call, run_calls


def spec(**parameters) -> CallSpec:
    message = {"role": "user", "content": "hello there"}
    return CallSpec(
        model="small", messages=(message,), parameters={"max_tokens": 400, **parameters}
    )


def make_budget(limit_pico: int, on_exceeded: str, **values) -> Budget:
    fixed = {"slug": "shop", "name": "Shop", "service": "shop", "on_exceeded": on_exceeded}
    return Budget.objects.create(**fixed, limit_pico=limit_pico, **values)


@pytest.fixture
def nano(shop):
    """A model at a tenth of the price, at the same provider."""
    provider = shop_provider()
    make_priced_deployment(
        provider=provider, model=make_model("nano"), slug="nano-1", input_pico=0, output_pico=1
    )


def shop_provider():
    return Deployment.objects.get(slug="small-1").provider


def test_the_cheaper_model_answers_and_the_outcome_says_so(runtime, shop, nano, upstream):
    make_budget(500, "cheaper", cheaper_model="nano")

    (outcome,) = run_calls(runtime, [make_call(shop, spec())])

    assert (outcome.model, outcome.deployment, outcome.degraded) == (
        "nano", "nano-1", "cheaper_model",
    )  # fmt: skip
    attempt = Attempt.objects.get()
    assert (attempt.model, attempt.status) == ("nano", "succeeded")
    assert attempt.instead_of == "small-1"
    assert Hold.objects.get().amount_pico == 400
    assert Window.objects.get().posted_pico == outcome.cost_pico


def test_with_room_the_model_that_was_asked_for_answers(runtime, shop, nano):
    make_budget(10**6, "cheaper", cheaper_model="nano")

    (outcome,) = run_calls(runtime, [make_call(shop, spec())])

    assert (outcome.model, outcome.degraded) == ("small", "")
    assert Attempt.objects.get().instead_of == ""


def test_a_cheaper_model_that_does_not_exist_is_no_way_out(runtime, shop, upstream):
    make_budget(500, "cheaper", cheaper_model="gone")

    (refused,) = run_calls(runtime, [make_call(shop, spec())], raising=False)

    assert isinstance(refused, CallRefused)
    assert refused.code == "budget_exceeded"
    assert upstream.log() == []


def test_the_affordable_cap_is_sent_and_the_outcome_says_so(runtime, shop, upstream):
    make_budget(500, "cap", min_output_tokens=10)

    (outcome,) = run_calls(runtime, [make_call(shop, spec())])

    amount = Hold.objects.get().amount_pico
    assert outcome.degraded == "output_cap"
    assert 498 < amount <= 500
    (entry,) = upstream.log()
    sent = entry["body"]["max_tokens"]
    assert 10 <= sent < 400
    assert Attempt.objects.get().status == "succeeded"


def test_choices_share_what_is_affordable(runtime, shop, upstream):
    make_budget(500, "cap", min_output_tokens=10)

    run_calls(runtime, [make_call(shop, spec(n=4))])

    (entry,) = upstream.log()
    assert 4 * 2 * entry["body"]["max_tokens"] < Hold.objects.get().amount_pico <= 500


def test_an_answer_that_would_be_too_short_is_refused(runtime, shop, upstream):
    make_budget(500, "cap", min_output_tokens=399)

    (refused,) = run_calls(runtime, [make_call(shop, spec())], raising=False)

    assert isinstance(refused, CallRefused)
    assert upstream.log() == []


def test_a_degraded_answer_is_not_kept_for_others(runtime, shop, nano, upstream):
    budget = make_budget(500, "cheaper", cheaper_model="nano")
    run_calls(runtime, [make_call(shop, spec())])
    budget.limit_pico = 10**6
    budget.save()

    (outcome,) = run_calls(runtime, [make_call(shop, spec())])

    assert (outcome.cache, outcome.model) == ("miss", "small")


@pytest.mark.parametrize(("action", "waits"), [("refuse", None), ("queue", 1.0)])
def test_only_a_budget_that_says_so_lets_jobs_wait(runtime, shop, upstream, action, waits):
    """A call holds some 800, so that two don't fit together."""
    make_budget(1200, action)
    upstream.behave(latency=1.0)
    calls = [make_call(shop, spec(seed=n), job_id=uuid7()) for n in range(2)]

    results = run_calls(runtime, calls, raising=False)

    (refused,) = [result for result in results if isinstance(result, CallRefused)]
    assert refused.retry_after == waits


def test_a_job_that_never_fits_does_not_wait(runtime, shop):
    make_budget(500, "queue")

    call = make_call(shop, spec(), job_id=uuid7())
    (refused,) = run_calls(runtime, [call], raising=False)

    assert refused.retry_after is None


@pytest.mark.parametrize(
    ("tier", "base", "token"), [("default", 83, 2), ("priority", 83, 20), ("auto", 83, 20)]
)
def test_what_is_affordable_goes_by_the_dearest_tier_and_step_in_reach(
    runtime, shop, upstream, tier, base, token
):
    """The input is of 83 tokens at most, so the second step may hold and the third cannot."""
    deployment = Deployment.objects.get()
    make_price(deployment, "in_uncached", 1, service_tier="priority")
    make_price(deployment, "out_text", 1, service_tier="priority")
    make_price(deployment, "out_text", 20, service_tier="priority", min_input_tokens=83)
    make_price(deployment, "out_text", 1000, service_tier="priority", min_input_tokens=84)
    make_price(deployment, "out_text", 1000, min_input_tokens=84)
    make_budget(500, "cap", min_output_tokens=10)
    cap = (500 - base) // token

    (outcome,) = run_calls(runtime, [make_call(shop, spec(service_tier=tier))])

    assert outcome.degraded == "output_cap"
    assert upstream.log()[0]["body"]["max_tokens"] == cap
    assert Hold.objects.get().amount_pico == base + cap * token <= 500
