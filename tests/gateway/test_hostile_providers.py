"""A provider that sends what no server should: it costs its deployment, never the caller's answer,
and what it may have cost is in the books."""

import asyncio
from typing import Any

import pytest

from apps.budgets.models import Hold
from apps.gateway.types import CallRefused, CallSpec
from apps.ledger.models import Attempt, Entry
from tests.gateway.conftest import make_call
from tests.gateway.test_failing_providers import add_second

ONE = {"role": "assistant", "content": "one"}
SPOILED_CHOICES: list[dict[str, Any]] = [
    {"index": "first"},
    {"logprobs": "all of them"},
    {"message": {**ONE, "tool_calls": ["add"]}},
    {"message": {**ONE, "tool_calls": [{"function": "add"}]}},
    {"message": {**ONE, "content": ["one"]}},
    {"message": [ONE]},
    {"finish_reason": ["stop"]},
]
SPOILED_DELTAS: list[dict[str, Any]] = [
    {"index": "first"},
    {"logprobs": "all of them"},
    {"delta": {"tool_calls": "add"}},
    {"delta": {"tool_calls": ["add"]}},
    {"delta": {"tool_calls": [{"index": "first"}]}},
    {"delta": {"tool_calls": [{"function": "add"}]}},
    {"delta": {"content": 1}},
    {"delta": ["one"]},
    {"finish_reason": {"stop": True}},
]


@pytest.fixture
def heard(runtime, shop):
    """One streamed call and the texts that its client heard; raises `CallRefused`."""

    def run(text: str = "hello there") -> list[str]:
        texts: list[str] = []

        async def emit(chunk: Any) -> None:
            texts.extend(choice["delta"].get("content") or "" for choice in chunk["choices"])

        spec = CallSpec(model="small", messages=({"role": "user", "content": text},))
        runtime.config.refresh()
        work = runtime.pipeline.run(make_call(shop, spec), emit)
        asyncio.run_coroutine_threadsafe(work, runtime.loop).result(timeout=60)
        return texts

    return run


def check_books():
    """Every attempt has ended, the spoiled one with its cost, and nothing is held for it."""
    assert {row.status for row in Attempt.objects.all()} == {"failed", "succeeded"}
    assert Entry.objects.get(deployment="small-1").amount_pico > 0
    assert not Hold.objects.filter(status="held").exists()


@pytest.mark.parametrize("choice", SPOILED_CHOICES, ids=str)
def test_an_answer_of_the_wrong_shape_is_answered_by_the_next(call_pipeline, upstream, choice):
    add_second(upstream)
    upstream.behave(model="small", choice=choice)

    assert call_pipeline().deployment == "small-2"
    check_books()


@pytest.mark.parametrize("choice", SPOILED_DELTAS, ids=str)
def test_a_first_event_of_the_wrong_shape_is_answered_by_the_next(heard, upstream, choice):
    add_second(upstream)
    upstream.behave(model="small", choice=choice, cut_after=0)

    assert "".join(heard()) == "You said: hello there"
    check_books()


@pytest.mark.parametrize("choice", SPOILED_DELTAS, ids=str)
def test_a_later_event_of_the_wrong_shape_ends_the_stream(heard, upstream, choice):
    upstream.behave(choice=choice, cut_after=2)

    with pytest.raises(CallRefused) as refused:
        heard()

    assert refused.value.code == "provider_failed"
    assert Attempt.objects.get().error_kind == "bad_response"
    assert Entry.objects.get().amount_pico > 0
    assert not Hold.objects.filter(status="held").exists()


def test_what_changes_its_kind_in_a_stream_is_replaced(heard, call_pipeline, upstream):
    """Nothing that is only passed on may break the putting together of what is cached."""
    for before, after in ((1, {"a": 1}), ({"a": 1}, [1]), ([1], {"a": 1}), ([1], 2)):
        upstream.reset()
        upstream.behave(message={**ONE, "audio": before}, choice={"delta": {"audio": after}})
        text = f"{before} {after}"

        heard(text)

        answer = call_pipeline(text)
        assert (answer.cache, answer.body["choices"][0]["message"]["audio"]) == ("hit", after)


def test_a_cached_answer_without_indexes_is_streamed_all_the_same(heard, call_pipeline, upstream):
    upstream.behave(choice={"index": 7})
    call_pipeline()

    assert "".join(heard()) == "You said: hello there"
