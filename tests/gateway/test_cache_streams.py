"""A stream and a plain call share their answers, whatever is in them."""

import asyncio
from contextlib import suppress

import pytest

from apps.gateway.assembler import Assembler
from apps.gateway.types import CallRefused, CallSpec
from apps.providers.types import Chunk
from apps.registry.models import Model
from tests.gateway.conftest import make_call, run_calls

TOOL_CALLS = [
    {"id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": '{"id": 7}'}}
    for n, name in enumerate(["price", "stock"])
]
TOOLS = [{"type": "function", "function": {"name": "price", "parameters": {"type": "object"}}}]


@pytest.fixture
def stream(runtime, shop):
    """Run one call as a stream: its outcome, and the chunks."""

    def run(**parameters):
        chunks = []

        async def emit(chunk):
            chunks.append(chunk)

        async def work():
            return await runtime.pipeline.run(make_call(shop, spec(parameters)), emit)

        runtime.config.refresh()
        outcome = asyncio.run_coroutine_threadsafe(work(), runtime.loop).result(timeout=60)
        return outcome, chunks

    return run


@pytest.fixture
def plain(runtime, shop):
    return lambda **parameters: run_calls(runtime, [make_call(shop, spec(parameters))])[0]


def spec(parameters):
    message = {"role": "user", "content": "three little words"}
    return CallSpec(model="small", messages=(message,), parameters=parameters)


def assembled(chunks):
    """What a client that puts the chunks together has in the end."""
    assembler = Assembler()
    for raw in chunks:
        assembler.add(Chunk(raw=raw, text="", finish_reason=None, usage=None))
    return assembler.answer(first_token_ms=None).body["choices"]


def without_empty(choices):
    return [
        {
            **{name: value for name, value in choice.items() if value is not None},
            "message": {n: v for n, v in choice["message"].items() if v is not None},
        }
        for choice in choices
    ]


def test_a_plain_call_is_answered_from_what_a_stream_stored(stream, plain, upstream):
    streamed, _ = stream(n=2)
    repeated = plain(n=2)

    assert (repeated.cache, len(upstream.log())) == ("hit", 1)
    assert [choice["index"] for choice in repeated.body["choices"]] == [0, 1]
    assert repeated.text == streamed.text == "You said: three little words"
    assert repeated.body["usage"]["total_tokens"] == streamed.input_tokens + streamed.output_tokens
    assert repeated.avoided_pico == streamed.cost_pico > 0


def test_a_stream_is_answered_from_what_a_plain_call_stored(stream, plain, upstream):
    first = plain(n=2)
    outcome, chunks = stream(n=2)

    assert (outcome.cache, len(upstream.log())) == ("hit", 1)
    assert without_empty(assembled(chunks)) == without_empty(first.body["choices"])
    assert outcome.body["usage"] == first.body["usage"]


def test_tool_calls_and_logprobs_come_back_as_they_were(stream, plain, upstream):
    Model.objects.update(supports_tools=True)
    message = {"role": "assistant", "content": None, "tool_calls": TOOL_CALLS}
    upstream.behave(message=message, finish_reason="tool_calls")
    first = plain(tools=TOOLS)
    _, chunks = stream(tools=TOOLS)
    again = plain(tools=TOOLS)

    assert without_empty(assembled(chunks)) == without_empty(first.body["choices"])
    assert [call["index"] for call in chunks[0]["choices"][0]["delta"]["tool_calls"]] == [0, 1]
    assert again.body == first.body, "a replay must not mark the stored answer"
    assert len(upstream.log()) == 1


def test_logprobs_of_a_stream_are_put_together_and_told_again():
    def chunk(content, token, finish=None):
        logprobs = {"content": [{"token": token, "logprob": -0.5}], "refusal": None}
        choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
        return {"id": "1", "model": "small", "choices": [{**choice, "logprobs": logprobs}]}

    (choice,) = assembled([chunk("one", "one"), chunk(" two", " two", "stop")])

    assert [item["token"] for item in choice["logprobs"]["content"]] == ["one", " two"]


@pytest.mark.parametrize("cut", ["close", "no_finish", "reset", "error_event"])
def test_a_cut_stream_is_never_stored(stream, plain, upstream, cut):
    upstream.behave(cut=cut, times=1)
    with pytest.raises(CallRefused):
        stream()

    assert plain().cache == "miss"


def test_a_filtered_answer_is_never_stored(plain, upstream):
    upstream.behave(finish_reason="content_filter", times=1)
    with suppress(CallRefused):  # whether it is an answer is not the cache's to say
        plain()

    assert plain().cache == "miss"


def test_an_answer_that_is_too_large_is_not_stored(plain, runtime, upstream):
    runtime.pipeline._cache._max_bytes = 1000
    upstream.behave(content="word " * 300)

    assert plain().cache == plain().cache == "miss"
