"""What cannot fit into a context window is refused before anything is spent."""

import pytest

from apps.gateway.types import CallKind, CallRefused
from apps.ledger.models import Attempt
from apps.registry.models import Model
from apps.routing.models import Route, RouteTarget
from tests.factories import make_model, make_priced_deployment, make_provider

LONG = "word " * 1200  # 1201 tokens, 6000 bytes


@pytest.fixture
def small(shop):
    values = {"context_window": 1000, "max_output_tokens": 500, "tokenizer": "o200k_base"}
    Model.objects.filter(slug="small").update(**values)


@pytest.fixture
def route(small, shop, upstream):
    """“chat”: small, then large, which has room for 100,000 tokens."""
    large = make_priced_deployment(
        provider=make_provider(upstream.url), slug="large-1", input_pico=1, output_pico=2,
        model=make_model("large", context_window=100_000, tokenizer="o200k_base"),
    )  # fmt: skip
    route = Route.objects.create(slug="chat", name="Chat")
    shop_deployment = Model.objects.get(slug="small").deployments.get()
    for position, deployment in enumerate((shop_deployment, large), 1):
        RouteTarget.objects.create(route=route, deployment=deployment, position=position)


def refusal(call_pipeline, *args, **values):
    with pytest.raises(CallRefused) as refused:
        call_pipeline(*args, **values)
    return refused.value


def test_it_is_refused_with_its_numbers_and_the_way_out(call_pipeline, small, upstream):
    refused = refusal(call_pipeline, LONG)

    assert (refused.code, refused.status, refused.retry_after) == ("context_too_long", 400, None)
    assert refused.details == {"input_tokens": 1208, "output_cap": None, "context_window": 1000}
    assert [fault.pointer for fault in refused.faults] == ["/messages"]
    assert "Shorten the input by 209 tokens, or choose a model with a larger" in refused.message
    assert upstream.log() == []
    assert not Attempt.objects.exists()


def test_an_answer_that_has_no_room_is_a_fault_of_its_cap(call_pipeline, small, upstream):
    refused = refusal(call_pipeline, "word " * 900, parameters={"max_tokens": 400})

    assert [fault.pointer for fault in refused.faults] == ["/parameters/max_tokens"]
    assert "ask for an answer of at most 92" in refused.message
    assert upstream.log() == []


def test_what_just_fits_is_sent_with_the_cap_that_is_left(call_pipeline, small, upstream):
    call_pipeline("word " * 900)
    # 908 of the input, 64 for what the server's template adds
    assert [entry["body"]["max_tokens"] for entry in upstream.log()] == [1000 - 908 - 64]


def test_another_candidate_with_a_larger_window_answers(call_pipeline, route):
    assert call_pipeline(LONG, model="chat").deployment == "large-1"
    assert call_pipeline("short", model="chat").deployment == "small-1"


def test_nor_is_the_small_one_tried_when_the_large_one_fails(call_pipeline, route, upstream):
    upstream.behave(model="large", status=500)
    assert refusal(call_pipeline, LONG, model="chat").code == "provider_failed"
    assert {entry["model"] for entry in upstream.log()} == {"large"}


def test_the_largest_window_is_named_when_none_is_large_enough(call_pipeline, route, upstream):
    refused = refusal(call_pipeline, "word " * 120_000, model="chat")
    assert "“large”" in refused.message
    assert upstream.log() == []


@pytest.mark.parametrize("values", [{}, {"tokenizer": "ratio", "bytes_per_token": 4}])
def test_an_estimate_refuses_nobody(call_pipeline, small, values):
    Model.objects.update(**{"tokenizer": "", **values})
    assert call_pipeline(LONG).deployment == "small-1"


def test_many_bytes_that_are_few_tokens_are_sent(call_pipeline, small):
    assert call_pipeline(" " * 20_000).deployment == "small-1"


def test_an_images_bytes_are_no_text(call_pipeline, small):
    Model.objects.update(supports_images=True)
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 50_000}}
    messages = ({"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]},)
    assert call_pipeline(messages=messages).deployment == "small-1"


def test_tool_calls_are_counted(call_pipeline, small):
    Model.objects.update(supports_tools=True)
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": LONG}}
    messages = (
        {"role": "user", "content": "hello"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "done"},
    )
    assert refusal(call_pipeline, messages=messages).code == "context_too_long"


def test_each_input_of_an_embedding_has_its_own_window(call_pipeline, small, upstream):
    Model.objects.update(kind="embedding", max_output_tokens=0, tokenizer="cl100k_base")
    embed = {"kind": CallKind.EMBEDDING, "messages": (), "model": "small"}

    refused = refusal(call_pipeline, inputs=("short", LONG), **embed)

    assert (refused.code, refused.faults[0].pointer) == ("context_too_long", "/input")
    assert upstream.log() == []
    assert call_pipeline(inputs=("word " * 700,) * 3, **embed).deployment == "small-1"
