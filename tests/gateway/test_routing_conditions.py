"""Where a call may go: region, tag, ability, window, price; what is left out is never tried."""

import pytest

from apps.budgets.models import Budget
from apps.gateway.types import CallRefused
from apps.ledger.models import Attempt
from apps.registry.models import Deployment, Model
from apps.routing.models import Route, RouteTarget
from tests.factories import make_deployment, make_model, make_priced_deployment, make_provider


@pytest.fixture
def route(shop, upstream):
    """“chat”: small-1 in eu-west-1, then other-1 in us-east-1, of a model of its own."""
    Deployment.objects.filter(slug="small-1").update(region="eu-west-1")
    other = make_priced_deployment(
        provider=make_provider(upstream.url), model=make_model("other"), slug="other-1",
        region="us-east-1", input_pico=1, output_pico=2,
    )  # fmt: skip
    route = Route.objects.create(slug="chat", name="Chat")
    for position, deployment in enumerate((Deployment.objects.get(slug="small-1"), other), 1):
        RouteTarget.objects.create(route=route, deployment=deployment, position=position)
    return route


def called(upstream):
    return [entry["model"] for entry in upstream.log()]


def refusal(call_pipeline, **values):
    with pytest.raises(CallRefused) as refused:
        call_pipeline(model="chat", **values)
    return refused.value


@pytest.mark.parametrize("status", [500, 429, 401])
def test_residency_is_never_violated_by_a_fallback(call_pipeline, route, shop, upstream, status):
    shop.regions = ["eu"]
    shop.save()
    upstream.behave(model="small", status=status)

    refused = refusal(call_pipeline)

    assert refused.code == "provider_failed"
    assert set(called(upstream)) == {"small"}


def test_a_call_may_require_a_region(call_pipeline, route):
    assert call_pipeline(model="chat", region="us").deployment == "other-1"
    assert call_pipeline(model="chat", region="us-east-1").deployment == "other-1"


def test_a_call_cannot_widen_what_its_service_allows(call_pipeline, route, shop, upstream):
    shop.regions = ["eu", "ch"]
    shop.save()

    refused = refusal(call_pipeline, region="us")

    assert (refused.code, refused.status, refused.retry_after) == ("no_candidate", 400, None)
    assert "small-1: its region is eu-west-1; allowed: us." in refused.message
    assert "other-1: its region is us-east-1; allowed: eu, ch." in refused.message
    assert called(upstream) == []


def test_an_unknown_region_lies_nowhere(call_pipeline, route, shop, upstream):
    Deployment.objects.update(region="")
    refused = refusal(call_pipeline, region="eu")
    assert [skip["reason"] for skip in refused.details["skipped"]] == ["region", "region"]
    assert called(upstream) == []


def test_neither_is_the_budgets_cheaper_model_outside(call_pipeline, route, shop, upstream):
    shop.regions = ["eu"]
    shop.save()
    fixed = {"slug": "shop", "name": "Shop", "service": "shop"}
    Budget.objects.create(**fixed, limit_pico=300, on_exceeded="cheaper", cheaper_model="other")

    refused = refusal(call_pipeline, parameters={"max_tokens": 200})

    assert refused.code == "budget_exceeded"
    assert called(upstream) == []


def test_a_target_with_tags_serves_only_those(call_pipeline, route):
    RouteTarget.objects.filter(deployment__slug="small-1").update(tags=["vip"])
    assert call_pipeline(model="chat").deployment == "other-1"
    assert call_pipeline(model="chat", context=("x", "vip")).deployment == "small-1"


def test_one_that_is_able_answers(call_pipeline, route):
    Model.objects.filter(slug="other").update(supports_json_schema=True)
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert call_pipeline(model="chat", response_schema=schema).deployment == "other-1"


def test_a_window_that_is_likely_too_small_is_left_out_if_another_is_larger(call_pipeline, route):
    Model.objects.filter(slug="small").update(context_window=1024, max_output_tokens=1024)
    long = "word " * 1000
    assert call_pipeline(long, model="chat").deployment == "other-1"
    assert call_pipeline("short", model="chat").deployment == "small-1"
    assert call_pipeline(long, model="small").deployment == "small-1"  # nobody else is there


def test_under_a_hard_budget_only_what_has_a_price(call_pipeline, route, shop, upstream):
    unpriced = make_deployment(
        provider=make_provider(upstream.url), model=make_model("free"), slug="free-1"
    )
    RouteTarget.objects.update(weight=1)
    Route.objects.filter(slug="chat").update(strategy="weighted")
    RouteTarget.objects.create(route=route, deployment=unpriced, position=3, weight=30_000)
    Budget.objects.create(slug="b", name="B", service="shop", limit_pico=10**12)

    assert call_pipeline(model="chat").deployment != "free-1"


def test_a_fallback_with_a_shorter_answer_gets_a_cap_that_it_can_keep(
    call_pipeline, route, upstream
):
    Model.objects.filter(slug="other").update(max_output_tokens=100)
    upstream.behave(model="small", status=500)

    call_pipeline(model="chat")

    assert [entry["body"]["max_tokens"] for entry in upstream.log()] == [1024, 100]


def test_each_attempt_says_why_it_was_sent_there(call_pipeline, route, upstream):
    upstream.behave(model="small", status=500)
    call_pipeline(model="chat")
    assert list(Attempt.objects.order_by("number").values_list("deployment", "why")) == [
        ("small-1", "1st in the route's order"),
        ("other-1", "2nd in the route's order"),
    ]


def test_all_drained_is_a_refusal_that_passes(call_pipeline, route, upstream):
    Deployment.objects.update(active=False)
    refused = refusal(call_pipeline)
    assert (refused.code, refused.status, refused.retry_after) == ("no_deployment", 503, 5)
    assert "small-1: it, or its provider, is switched off (drained)" in refused.message
