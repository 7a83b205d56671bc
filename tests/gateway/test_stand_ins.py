"""Some targets are asked only for what is too long for the others, or for refused content."""

import json

import pytest

from apps.gateway.types import CallRefused
from apps.ledger.models import Attempt, Entry
from apps.registry.models import Model
from apps.routing.models import Route, RouteTarget
from tests.factories import make_key, make_model, make_priced_deployment, make_provider
from tests.gateway.asgi import HELLO, Visit

TOO_LONG = {"status": 400, "error": {"code": "context_length_exceeded"}}
REFUSED = {"status": 400, "error": {"code": "content_filter"}}
LONG = "word " * 1200  # 1201 tokens


@pytest.fixture
def route(shop, upstream):
    """“chat”: small, then spare; large for what is too long, tolerant for what was refused."""
    Model.objects.filter(slug="small").update(context_window=1000, tokenizer="o200k_base")
    route = Route.objects.create(slug="chat", name="Chat")
    provider = make_provider(upstream.url)
    small = Model.objects.get(slug="small").deployments.get()
    targets = [(small, "")]
    for slug, only_for, window in (
        ("spare", "", 1000),
        ("large", "too_long", 100_000),
        ("tolerant", "refused", 1000),
    ):
        model = make_model(slug, context_window=window, tokenizer="o200k_base")
        deployment = make_priced_deployment(provider=provider, model=model, slug=f"{slug}-1")
        targets.append((deployment, only_for))
    for position, (deployment, only_for) in enumerate(targets, 1):
        RouteTarget.objects.create(
            route=route, deployment=deployment, position=position, only_for=only_for
        )
    return route


def asked(upstream):
    return [entry["model"] for entry in upstream.log()]


@pytest.mark.parametrize(
    ("fault", "stand_in"), [(TOO_LONG, "large"), (REFUSED, "tolerant")], ids=["too long", "refused"]
)
def test_a_providers_word_calls_in_the_one_that_is_named_for_it(
    call_pipeline, route, upstream, fault, stand_in
):
    upstream.behave(model="small", **fault)

    outcome = call_pipeline(model="chat")

    assert (outcome.deployment, outcome.attempts) == (f"{stand_in}-1", 2)
    assert asked(upstream) == ["small", stand_in]  # not “spare”, which is next
    first, second = Attempt.objects.order_by("number")
    assert (first.status, second.purpose, second.status) == ("failed", "fallback", "succeeded")
    assert second.why.startswith("stands in only when")
    assert Entry.objects.get().amount_pico == outcome.cost_pico > 0


@pytest.mark.parametrize("status", [500, 429, 401])
def test_nobody_stands_in_for_another_failure(call_pipeline, route, upstream, status):
    upstream.behave(model="small", status=status)
    upstream.behave(model="spare", status=status)

    with pytest.raises(CallRefused):
        call_pipeline(model="chat")

    assert set(asked(upstream)) == {"small", "spare"}


def test_a_long_request_goes_to_its_stand_in_before_anything_is_sent(
    call_pipeline, route, upstream
):
    assert call_pipeline(LONG, model="chat").deployment == "large-1"
    assert asked(upstream) == ["large"]
    assert Attempt.objects.get().why.startswith("stands in, too long for the others; ")


def test_a_short_one_does_not(call_pipeline, route):
    assert call_pipeline(model="chat").deployment == "small-1"


def test_what_is_too_long_for_the_stand_in_is_refused_by_its_window(call_pipeline, route, upstream):
    with pytest.raises(CallRefused) as refused:
        call_pipeline("word " * 120_000, model="chat")
    assert refused.value.code == "context_too_long"
    assert refused.value.details["context_window"] == 100_000
    assert upstream.log() == []


def test_when_the_stand_in_fails_the_others_are_asked_as_ever(call_pipeline, route, upstream):
    upstream.behave(model="small", **REFUSED)
    upstream.behave(model="tolerant", **REFUSED)

    assert call_pipeline(model="chat").deployment == "spare-1"
    assert asked(upstream) == ["small", "tolerant", "spare"]


def test_when_all_refuse_the_caller_is_told_and_the_end_is_bounded(call_pipeline, route, upstream):
    for model in ("small", "spare", "tolerant"):
        upstream.behave(model=model, **REFUSED)

    with pytest.raises(CallRefused) as refused:
        call_pipeline(model="chat")

    assert refused.value.status == 400
    assert asked(upstream) == ["small", "tolerant", "spare"]


def test_one_target_may_stand_in_for_both(call_pipeline, route, upstream):
    RouteTarget.objects.filter(deployment__slug="large-1").update(only_for="either")
    RouteTarget.objects.filter(deployment__slug="tolerant-1").delete()
    upstream.behave(model="small", **REFUSED)

    assert call_pipeline(model="chat").deployment == "large-1"
    assert call_pipeline(LONG, model="chat").deployment == "large-1"


def test_the_conditions_hold_for_stand_ins(call_pipeline, route, upstream):
    RouteTarget.objects.filter(deployment__slug="tolerant-1").update(tags=["vip"])
    upstream.behave(model="small", **REFUSED)

    assert call_pipeline(model="chat").deployment == "spare-1"
    assert call_pipeline("for vip", model="chat", context=("vip",)).deployment == "tolerant-1"


def test_stand_ins_alone_answer_nobody(call_pipeline, route, upstream):
    Model.objects.filter(slug__in=["small", "spare"]).update(active=False)
    with pytest.raises(CallRefused) as refused:
        call_pipeline(model="chat")
    assert (refused.value.code, upstream.log()) == ("no_deployment", [])


@pytest.mark.parametrize("stream", [False, True])
def test_callers_and_streams_get_its_answer_and_the_reason(runtime, shop, route, upstream, stream):
    upstream.behave(model="small", **REFUSED)
    visit = Visit(runtime, make_key(shop))
    body = {"model": "chat", "messages": [HELLO], "stream": stream}
    visit.start(body=body, headers={"x-llm-explain": "1"}).result(timeout=20)

    assert visit.status == 200
    assert b"You said" in b"".join(visit.parts) or stream
    said = json.loads(visit.headers["x-llm-explain"])
    assert [one["deployment"] for one in said["order"]] == ["small-1", "spare-1"]
    assert said["stand_ins"] == [
        {
            "deployment": "large-1",
            "why": "stands in only when the context is too long for the others",
        },
        {"deployment": "tolerant-1", "why": "stands in only when content was refused"},
    ]
    assert asked(upstream) == ["small", "tolerant"]
