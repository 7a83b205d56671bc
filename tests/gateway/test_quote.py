"""`POST /api/v1/quote/`: what a call would cost, without calling anyone or holding anything."""

from decimal import Decimal

import pytest
from rest_framework.test import APIClient

from apps.budgets.models import Budget, Hold, Window
from apps.gateway.api import views
from apps.gateway.config import new_holder
from apps.registry.models import Deployment, Model
from apps.routing.models import Route, RouteTarget
from tests.factories import make_key, make_price, make_priced_deployment

BODY = {
    "model": "small",
    "messages": [{"role": "user", "content": "hello there"}],
    "parameters": {"max_tokens": 400},
}


@pytest.fixture
def quote(shop, upstream, monkeypatch):
    client = APIClient(headers={"authorization": f"Bearer {make_key(shop)}"})

    def ask(**values):
        holder = new_holder()
        holder.refresh()
        monkeypatch.setattr(views, "web_config", lambda: holder)
        answer = client.post("/api/v1/quote/", {**BODY, **values}, format="json")
        return answer.status_code, answer.json()

    yield ask
    assert upstream.log() == []
    assert not Hold.objects.exists()
    assert not Window.objects.exists()


def make_budget(slug, limit_pico, **values):
    return Budget.objects.create(slug=slug, name=slug, limit_pico=limit_pico, **values)


def test_the_most_and_the_least_that_it_costs(quote):
    status, said = quote()

    assert status == 200
    assert said["deployment"] == "small-1"
    assert said["output_tokens_at_most"] == 400
    most = said["input_tokens_at_most"] + 2 * 400  # 1 and 2 pico-dollars a token
    assert said["cost_at_most_usd"] == f"0.{most:012d}"
    assert said["cost_at_least_usd"] == "0.000000000003"
    assert (said["admitted"], said["decision"], said["budgets"]) == (True, "admitted", [])


def test_budgets_say_what_they_have_left(quote):
    make_budget("wide", 10**6, service="shop")
    make_budget("narrow", 100)
    make_budget("other", 1, service="search")

    _, said = quote()

    assert said["budgets"] == [
        {
            "slug": slug,
            "hard": True,
            "limit_usd": usd,
            "remaining_usd": usd,
            "fits": fits,
        }
        for slug, usd, fits in [
            ("wide", "0.000001000000", True),
            ("narrow", "0.000000000100", False),
        ]
    ]
    assert (said["admitted"], said["decision"], said["retry_after"]) == (False, "refused", None)
    assert "“narrow” has 0.000000000100" in said["reason"]
    assert said["would_hold_usd"] is None


def test_a_shorter_answer_is_foreseen(quote):
    make_budget("short", 500, on_exceeded="cap", min_output_tokens=10)

    _, said = quote()

    assert said["decision"] == "output_cap"
    held = said["input_tokens_at_most"] + 2 * said["output_cap"]
    assert said["would_hold_usd"] == f"0.{held:012d}"
    assert held in (499, 500)


def test_what_cannot_be_sent_has_no_quote(quote):
    status, said = quote(model="nothing")

    assert (status, said["code"]) == (404, "model_not_found")
    assert quote(parameters={"temperature": 9})[0] == 400
    assert quote(unknown=1)[0] == 400


def test_without_a_key_there_is_no_quote(db):
    assert APIClient().post("/api/v1/quote/", BODY, format="json").status_code == 401


def test_it_is_for_the_deployment_that_the_route_would_try_first(quote):
    dear = Deployment.objects.get(slug="small-1")
    cheap = make_priced_deployment(
        provider=dear.provider, model=dear.model, slug="cheap", input_pico=0, output_pico=1
    )
    route = Route.objects.create(slug="chat", name="Chat", strategy="lowest_cost")
    for position, deployment in enumerate((dear, cheap), start=1):
        RouteTarget.objects.create(route=route, deployment=deployment, position=position)

    _, said = quote(model="chat")

    assert (said["deployment"], said["cost_at_most_usd"]) == ("cheap", f"0.{400:012d}")


def test_it_says_the_tokens_that_are_likely_and_what_would_be_left_out(quote):
    Model.objects.update(tokenizer="o200k_base")
    status, said = quote()
    # one message: 3, “user”, “hello there”; and 3 for the answer
    assert (status, said["likely_input_tokens"], said["left_out"]) == (200, 3 + 1 + 2 + 3, [])
    assert said["input_tokens_at_most"] > 9


def test_what_cannot_fit_is_refused_by_a_quote_too(quote):
    Model.objects.update(tokenizer="o200k_base", context_window=500)
    status, said = quote(messages=[{"role": "user", "content": "word " * 600}])
    assert (status, said["code"]) == (400, "context_too_long")
    assert said["errors"][0]["pointer"] == "/messages"


def test_what_it_costs_depends_on_the_service_tier(quote):
    deployment = Deployment.objects.get()
    for usage_class, pico in (("in_uncached", 10), ("out_text", 20)):
        make_price(deployment, usage_class, pico, service_tier="priority")

    def most(**parameters):
        _, said = quote(parameters={"max_tokens": 400} | parameters)
        return said["cost_at_most_usd"], said["cost_at_least_usd"]

    standard = most(service_tier="default")
    dearest = (f"{Decimal(standard[0]) * 10:.12f}", standard[1])
    assert most() == most(service_tier="priority") == most(service_tier="auto") == dearest


def test_a_tier_without_a_price_is_refused_by_a_hard_budget_in_words(quote):
    make_budget("wide", 10**6, service="shop")

    _, said = quote(parameters={"max_tokens": 400, "service_tier": "flex"})

    assert (said["decision"], said["cost_at_most_usd"]) == ("refused", None)
    assert "No price for in_uncached, out_text in the service tier “flex”." in said["reason"]
    assert "Ask for service_tier “default”" in said["reason"]
