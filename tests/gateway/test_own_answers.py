"""A service's own answer stands in when every deployment failed, and never for anything else."""

import json

import pytest

from apps.core.ids import uuid7
from apps.gateway.types import CallRefused, CallSpec
from apps.ledger.models import Attempt, Entry
from apps.registry.models import Model
from tests.budgets.conftest import make_budget
from tests.factories import make_key
from tests.gateway.asgi import HELLO, Visit
from tests.gateway.conftest import make_call, run_calls

SORRY = "We cannot answer now."
SCHEMA = {
    "type": "object",
    "properties": {"price": {"type": "integer"}},
    "required": ["price"],
    "additionalProperties": False,
}


@pytest.fixture
def sorry(shop):
    return keep(shop, SORRY)


def keep(shop, text):
    shop.fallback_answer = text
    shop.save()
    return shop


def refused(call_pipeline, **values):
    with pytest.raises(CallRefused) as found:
        call_pipeline(**values)
    return found.value


def visit(runtime, shop, **body):
    return Visit(runtime, make_key(shop)).run(body={"model": "small", "messages": [HELLO], **body})


def test_callers_get_it_marked_and_for_nothing(runtime, sorry, upstream):
    upstream.behave(model="small", status=500)
    for sent in (3, 2, 0):  # the last finds it resting
        found = visit(runtime, sorry)
        body = json.loads(b"".join(found.parts))
        assert found.status == 200
        assert body["choices"][0]["message"]["content"] == SORRY
        assert body["usage"]["total_tokens"] == 0
        assert found.headers["x-llm-degraded"] == "fallback_answer"
        assert float(found.headers["x-llm-cost-usd"]) == 0
        named = {"x-llm-model", "x-llm-deployment", "x-llm-cache-key"}
        assert not named & found.headers.keys()  # no model said it
        assert found.headers["x-llm-attempts"] == str(sent)
    assert Attempt.objects.filter(status="failed").count() == 5
    assert sum(Entry.objects.values_list("amount_pico", flat=True)) == 0


def test_it_can_be_streamed(runtime, sorry, upstream):
    upstream.behave(model="small", status=500)
    found = visit(runtime, sorry, stream=True, stream_options={"include_usage": True})
    lines = b"".join(found.parts).decode().split("\n\n")
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    said = "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"])
    assert said == SORRY
    assert chunks[-1]["llmplatform"]["degraded"] == "fallback_answer"


def test_it_is_never_cached(call_pipeline, sorry, upstream):
    upstream.behave(model="small", status=500, times=3)
    assert call_pipeline().text == SORRY
    assert refused(call_pipeline, cache="only").code == "not_cached"
    answer = call_pipeline()
    assert (answer.degraded, answer.cache, answer.deployment) == ("", "miss", "small-1")


def test_a_budgets_refusal_stays_one(call_pipeline, sorry):
    make_budget("all", 1)
    assert refused(call_pipeline).code == "budget_exceeded"


def test_a_callers_fault_stays_one(call_pipeline, sorry, upstream):
    upstream.behave(model="small", status=400, times=1)
    assert refused(call_pipeline).status == 400


def test_a_job_waits_instead(runtime, sorry, upstream):
    upstream.behave(model="small", status=500)
    spec = CallSpec(model="small", messages=(HELLO,))
    for _ in range(2):
        assert run_calls(runtime, [make_call(sorry, spec)])[0].degraded == "fallback_answer"
    with pytest.raises(CallRefused, match="rests"):
        run_calls(runtime, [make_call(sorry, spec, job_id=uuid7())])


@pytest.mark.parametrize(
    ("text", "form", "stands_in"),
    [
        ("sorry", {"type": "text"}, True),
        ("sorry", {"type": "json_object"}, False),
        ("[1]", {"type": "json_object"}, False),
        ('{"price": 0}', {"type": "json_object"}, True),
    ],
)
def test_who_asked_for_json_gets_json(call_pipeline, shop, upstream, text, form, stands_in):
    keep(shop, text)
    upstream.behave(model="small", status=500)
    if stands_in:
        assert call_pipeline(parameters={"response_format": form}).text == text
    else:
        refusal = refused(call_pipeline, parameters={"response_format": form})
        assert refusal.code == "provider_failed"


@pytest.mark.parametrize(("text", "fits"), [('{"price": 0}', True), ('{"price": "none"}', False)])
def test_it_must_be_what_the_schema_says(call_pipeline, shop, upstream, text, fits):
    keep(shop, text)
    Model.objects.update(supports_json_schema=True)
    upstream.behave(model="small", status=500)
    if fits:
        assert call_pipeline(response_schema=SCHEMA).text == text
    else:
        assert refused(call_pipeline, response_schema=SCHEMA).code == "provider_failed"
