"""A caller may ask why its call went where it went; so does each job's attempt."""

import json

import pytest

from apps.ledger.models import Attempt
from apps.registry.models import Deployment
from apps.routing.explain import MAX_BYTES, header_of
from apps.routing.models import Route, RouteTarget
from apps.routing.types import Choice, Decision, Skip, Strategy
from tests.factories import make_deployment, make_key, make_priced_deployment, make_provider
from tests.gateway.asgi import HELLO, Visit
from tests.routing.test_strategies import deployment as facts


@pytest.fixture
def route(shop, upstream):
    provider = make_provider(upstream.url)
    model = Deployment.objects.get(slug="small-1").model
    cheap = make_priced_deployment(
        provider=provider, model=model, slug="small-2", input_pico=0, output_pico=1
    )
    off = make_deployment(provider=provider, model=model, slug="off", active=False)
    route = Route.objects.create(slug="chat", name="Chat", strategy="lowest_cost")
    for position, target in enumerate((Deployment.objects.get(slug="small-1"), cheap, off), 1):
        RouteTarget.objects.create(route=route, deployment=target, position=position)


def ask(runtime, shop, *, explain=True, **body):
    visit = Visit(runtime, make_key(shop))
    headers = {"x-llm-explain": "1"} if explain else {}
    body = {"model": "chat", "messages": [HELLO], **body}
    visit.start(body=body, headers=headers).result(timeout=20)
    return visit


@pytest.mark.parametrize("stream", [False, True])
def test_the_header_tells_order_reasons_and_whom_was_left_out(runtime, shop, route, stream):
    visit = ask(runtime, shop, stream=stream)

    assert visit.status == 200
    said = json.loads(visit.headers["x-llm-explain"])
    assert (said["route"], said["strategy"]) == ("chat", "lowest_cost")
    assert [choice["deployment"] for choice in said["order"]] == ["small-2", "small-1"]
    assert said["order"][0]["why"].endswith("USD for this request")
    assert [(skip["deployment"], skip["reason"]) for skip in said["skipped"]] == [
        ("off", "drained")
    ]
    assert Attempt.objects.get().instead_of == "small-1"


def test_nobody_is_told_who_did_not_ask(runtime, shop, route):
    assert "x-llm-explain" not in ask(runtime, shop, explain=False).headers


def test_a_failed_call_is_explained_too(runtime, shop, route, upstream):
    upstream.behave(model="small", status=503)
    visit = ask(runtime, shop)
    assert visit.status == 503
    assert len(json.loads(visit.headers["x-llm-explain"])["order"]) == 2


def test_a_refusal_names_each_candidate_and_the_way_out(runtime, shop, route):
    visit = ask(runtime, shop, region="eu")
    error = json.loads(b"".join(visit.parts))["error"]
    assert (visit.status, error["code"]) == (503, "no_deployment")  # one of them is only drained
    assert {skip["reason"] for skip in error["skipped"]} == {"region", "drained"}


def test_a_large_decision_is_shortened_to_what_proxies_take():
    choices = tuple(Choice(facts(f"deployment-{n}"), "x" * 100) for n in range(100))
    skipped = tuple(Skip(f"skipped-{n}", "region", "y" * 100) for n in range(100))
    header = header_of(Decision("chät", Strategy.PRIORITY, choices, skipped))

    assert len(header) <= MAX_BYTES
    assert header.isascii()
    said = json.loads(header)
    assert said["shortened"]
    assert said["order"][0] == "deployment-0"
