"""What OpenAI's parameters become: passed on, bounded, or refused with the reason."""

from typing import get_type_hints

import pytest
from openai.types.chat import completion_create_params as chat_types
from openai.types.embedding_create_params import EmbeddingCreateParams

from apps.gateway import bounds
from apps.gateway.openai_api.errors import ApiError
from apps.gateway.openai_api.requests import chat_spec
from apps.gateway.parameters import (
    CHAT_NAMES,
    EMBEDDING_NAMES,
    MOST_UNKNOWN,
    extra_faults,
    message_faults,
)
from apps.gateway.types import CallRefused
from apps.registry.models import Deployment, Model

CHAT_TYPES = chat_types.CompletionCreateParamsNonStreaming
PIXEL = "data:image/png;base64,iVBORw0KGgo="
OURS = {"model", "messages", "stream", "stream_options", "metadata", "input"}


def test_every_parameter_of_the_package_is_known():
    assert set(get_type_hints(CHAT_TYPES)) - OURS == CHAT_NAMES
    assert set(get_type_hints(EmbeddingCreateParams)) - OURS == EMBEDDING_NAMES


def test_a_flood_of_unknown_names_gives_a_bounded_answer():
    many = dict.fromkeys(map(str, range(2_000)), 1)
    assert len(extra_faults(many, CHAT_NAMES, ())) == MOST_UNKNOWN
    with pytest.raises(ApiError) as caught:
        chat_spec({"stream": True, "stream_options": many})
    assert len(caught.value.body["error"]["errors"]) == MOST_UNKNOWN


EVERYTHING = {
    "temperature": 0.5,
    "top_p": 0.9,
    "n": 2,
    "stop": ["\n\n"],
    "seed": 7,
    "presence_penalty": 0.1,
    "frequency_penalty": 0.1,
    "logit_bias": {"50256": -100},
    "logprobs": True,
    "top_logprobs": 2,
    "response_format": {"type": "json_object"},
    "parallel_tool_calls": False,
    "reasoning_effort": "low",
    "verbosity": "low",
    "modalities": ["text"],
    "service_tier": "default",
    "store": False,
    "prompt_cache_key": "k",
    "safety_identifier": "s",
    "user": "u",
}


def test_what_is_known_reaches_the_upstream_as_it_was_given(call_pipeline, upstream):
    call_pipeline(parameters=EVERYTHING)

    body = upstream.log()[0]["body"]
    assert {name: body[name] for name in EVERYTHING} == EVERYTHING


def test_a_cap_with_a_point_is_kept_as_the_integer_that_it_is(call_pipeline, upstream):
    call_pipeline(parameters={"max_tokens": 3.0})

    assert repr(upstream.log()[0]["body"]["max_tokens"]) == "3"


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", None])
def test_a_server_that_knows_only_the_old_name_gets_the_cap(call_pipeline, upstream, name):
    outcome = call_pipeline(parameters={name: 3} if name else {})

    body = upstream.log()[0]["body"]
    assert body["max_tokens"] == (3 if name else 1024)
    assert "max_completion_tokens" not in body
    assert outcome.output_tokens <= body["max_tokens"]


def test_an_unknown_parameter_reaches_only_a_deployment_that_allows_it(call_pipeline, upstream):
    with pytest.raises(CallRefused, match="top_k"):
        call_pipeline(parameters={"top_k": 40})
    Deployment.objects.update(extra_parameters="min_p, top_k")

    call_pipeline(parameters={"top_k": 40})
    with pytest.raises(CallRefused, match="api_base"):
        call_pipeline(parameters={"top_k": 40, "api_base": "http://evil.example"})

    assert [entry["body"]["top_k"] for entry in upstream.log()] == [40]


def test_images_need_a_model_that_reads_them_and_come_as_data(call_pipeline, upstream):
    def ask(url: str):
        image = {"type": "image_url", "image_url": {"url": url}}
        text = {"type": "text", "text": "what is it"}
        return call_pipeline(messages=({"role": "user", "content": [text, image]},))

    with pytest.raises(CallRefused, match="cannot read images"):
        ask(PIXEL)
    Model.objects.update(supports_images=True)
    with pytest.raises(CallRefused, match="data: URLs only"):
        ask("https://internal.example/secret")
    with pytest.raises(CallRefused):
        ask("http://169.254.169.254/")
    assert upstream.log() == []

    assert ask(PIXEL).finish_reason == "stop"


def test_an_images_bound_is_the_window():
    image = {"type": "image_url", "image_url": {"url": PIXEL}}
    message = {"role": "user", "content": [image]}

    bound = bounds.input_bound(messages=[message], inputs=(), parameters={})

    assert bound == bounds.UNBOUNDED


def test_what_is_not_known_counts_as_text():
    def bound(**parameters):
        return bounds.input_bound(messages=(), inputs=(), parameters=parameters)

    assert bound(temperature=1, seed=5) == 0
    assert bound(guided_grammar="x" * 500) > 500
    assert bound(tools=[{"type": "function"}]) > 0


@pytest.mark.parametrize(
    ("message", "faulty"),
    [
        ({"role": "user", "content": "hello"}, False),
        ({"role": "user"}, True),
        ({"role": "robot", "content": "hello"}, True),
        ({"role": "tool", "content": "4"}, True),
        ({"role": "tool", "content": "4", "tool_call_id": "c1"}, False),
        ({"role": "user", "content": [{"type": "text", "text": "a"}]}, False),
        ({"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}, True),
        ({"role": "system", "content": [{"type": "image_url", "image_url": {"url": PIXEL}}]}, True),
        ({"role": "user", "content": "a", "url": "http://x"}, True),
        (
            {
                "role": "assistant",
                "content": None,
                "refusal": None,
                "annotations": [],
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "add", "arguments": "{}"},
                    }
                ],
            },
            False,
        ),
        ({"role": "assistant", "tool_calls": [{"id": "c1", "type": "function"}]}, True),
    ],
)
def test_messages(message, faulty):
    faults = message_faults((message,))

    assert bool(faulty) == bool(faults)
    assert all("anyOf" not in fault.detail for fault in faults)
