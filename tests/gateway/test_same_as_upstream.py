"""The official client, with nothing changed but address and key, against us and against the
upstream directly: what it returns and raises is compared field by field."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import openai
import pytest

from apps.ledger.models import Attempt, Entry
from apps.registry.models import Model
from tests.factories import make_key, make_model, make_priced_deployment, make_provider
from tests.gateway.test_openai_client import wait_for_configuration
from tests.servers import served

# Each answer has its own; the rest must be equal.
OWN = {"id"}
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        },
    },
}
PERSON = {
    "type": "json_schema",
    "json_schema": {
        "name": "person",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
        },
    },
}
REQUESTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "choices": {"n": 3},
    "cut": {"max_completion_tokens": 2},
    "logprobs": {"logprobs": True, "top_logprobs": 2},
    "tool": {"tools": [ADD], "tool_choice": "required"},
    "named_tool": {
        "tools": [ADD],
        "tool_choice": {"type": "function", "function": {"name": "add"}},
        "parallel_tool_calls": False,
    },
    "json_schema": {"response_format": PERSON},
    "json_object": {"response_format": {"type": "json_object"}},
}
QUESTION: list[Any] = [{"role": "user", "content": "tell me all of it"}]


@pytest.fixture
def clients(
    transactional_db: None, clean_redis: None, shop: Any, upstream: Any
) -> Iterator[tuple[openai.OpenAI, openai.OpenAI]]:
    """Through the gateway, and directly."""
    Model.objects.update(supports_tools=True, supports_json_schema=True)
    make_priced_deployment(
        provider=make_provider(upstream.url),
        model=make_model("vectors", kind="embedding", max_output_tokens=0),
        slug="vectors-1",
    )
    with (
        served("asgi", "llmplatform.asgi:application") as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key=make_key(shop), max_retries=0) as ours,
        openai.OpenAI(base_url=upstream.url, api_key="k", max_retries=0) as theirs,
    ):
        wait_for_configuration(ours)
        yield ours, theirs


def test_one_server_many_questions(clients, upstream):
    """Each start of a process costs seconds."""
    ours, theirs = clients
    for name, request in REQUESTS.items():
        check_chat(ours, theirs, name, request)
        check_stream(ours, theirs, name, request)
        check_stream_and_answer_agree(ours, name, request)
    check_helpers(ours, theirs)
    check_embeddings(ours, theirs)
    check_errors(ours, theirs, upstream)
    check_error_in_a_stream(ours, theirs, upstream)
    check_timeout(ours, theirs, upstream)
    check_cancelling(ours, upstream)


def plain(value: Any) -> Any:
    """As it was sent, without what is each answer's own."""
    dumped = value.model_dump(exclude_unset=True, warnings=False)
    return {name: field for name, field in dumped.items() if name not in OWN}


def check_chat(ours, theirs, name, request):
    def ask(client):
        return plain(client.chat.completions.create(model="small", messages=QUESTION, **request))

    assert ask(ours) == ask(theirs), name


def check_stream(ours, theirs, name, request):
    """Fresh: the answer of the plain call is not replayed here, but the upstream's own chunks."""

    def ask(client, **more):
        stream = client.chat.completions.create(
            model="small",
            messages=QUESTION,
            stream=True,
            stream_options={"include_usage": True},
            **request,
            **more,
        )
        return [plain(chunk) for chunk in stream]

    got, expected = ask(ours, extra_body={"cache": "bypass"}), ask(theirs)
    assert got[-1].pop("llmplatform")["cache"] == "bypass"
    assert got[-1]["usage"].pop("cost_usd")
    assert [{**chunk, "usage": chunk.get("usage")} for chunk in expected] == [
        {"system_fingerprint": "fp_fake", **chunk} for chunk in got
    ], name


def check_stream_and_answer_agree(ours, name, request):
    """The plain call's cached answer, replayed as a stream, says the same."""
    whole = ours.chat.completions.create(model="small", messages=QUESTION, **request)
    chunks = ours.chat.completions.create(model="small", messages=QUESTION, stream=True, **request)
    told: dict[int, list[Any]] = {choice.index: ["", "", None] for choice in whole.choices}
    for choice in (choice for chunk in chunks for choice in chunk.choices):
        said = told[choice.index]
        said[0] += choice.delta.content or ""
        said[1] += "".join(call.function.arguments for call in choice.delta.tool_calls or ())
        said[2] = choice.finish_reason or said[2]

    assert told == {
        choice.index: [
            choice.message.content or "",
            "".join(call.function.arguments for call in choice.message.tool_calls or ()),
            choice.finish_reason,
        ]
        for choice in whole.choices
    }, name


def check_helpers(ours, theirs):
    """The package's own ways: raw answers, request ids, pages of models."""
    for client in (ours, theirs):
        raw = client.chat.completions.with_raw_response.create(model="small", messages=QUESTION)
        assert raw.headers["content-type"] == "application/json"
        assert raw.parse()._request_id
    assert "small" in [model.id for model in ours.models.list()]
    assert ours.models.retrieve("small").object == "model"


def check_embeddings(ours, theirs):
    requests: list[dict[str, Any]] = [
        {"input": "one text"},
        {"input": ["one", "two"]},
        {"input": [1, 2, 3]},
        {"input": [[1, 2], [3]]},
        {"input": ["one"], "dimensions": 4},
        {"input": ["one"], "encoding_format": "float"},
        {"input": ["one"], "encoding_format": "base64"},
    ]
    for request in requests:
        got, expected = (
            plain(client.embeddings.create(model="vectors", **request)) for client in (ours, theirs)
        )
        assert got == expected, request


def raised(ask: Callable[[], Any]) -> openai.APIError:
    with pytest.raises(openai.APIError) as caught:
        ask()
    return caught.value


def check_errors(ours, theirs, upstream):
    """What the upstream refuses, both clients raise as the same type with the same code."""
    for code in ("context_length_exceeded", "content_policy_violation"):
        upstream.reset()
        upstream.behave(model="small", status=400, error={"message": "no", "code": code})
        messages: list[Any] = [{"role": "user", "content": f"about {code}"}]
        for client in (ours, theirs):
            ask = partial(client.chat.completions.create, model="small", messages=messages)
            error = raised(ask)
            assert (type(error), error.code) == (openai.BadRequestError, code)
    upstream.reset()


def check_error_in_a_stream(ours, theirs, upstream):
    """Both clients get the words that came, then an `APIError`."""
    heard = []
    for client in (ours, theirs):
        upstream.reset()
        upstream.behave(model="small", cut="error_event", cut_after=4)
        stream = client.chat.completions.create(
            model="small",
            messages=[{"role": "user", "content": "a story that breaks off"}],
            stream=True,
        )
        words: list[str] = []

        read = partial(words.extend, (c.choices[0].delta.content or "" for c in stream))
        assert type(raised(read)) is openai.APIError
        heard.append("".join(words))
    assert heard[0] == heard[1] == "You said: a"
    upstream.reset()


def check_timeout(ours, theirs, upstream):
    upstream.behave(model="small", latency=3)
    for client in (ours, theirs):
        impatient = client.with_options(timeout=0.5).chat.completions
        messages: list[Any] = [{"role": "user", "content": "late"}]
        error = raised(partial(impatient.create, model="small", messages=messages))
        assert type(error) is openai.APITimeoutError
    upstream.wait_until(lambda report: not report["in_flight"], timeout=30)
    upstream.reset()


def check_cancelling(ours, upstream):
    """A client that closes its stream early: we read on, and what it was is charged in full."""
    upstream.behave(model="small", content=" ".join(["word"] * 40), chunk_latency=0.02)
    stream = ours.chat.completions.create(
        model="small", messages=[{"role": "user", "content": "stop it"}], stream=True
    )
    next(iter(stream))
    stream.close()

    report = upstream.wait_until(lambda report: report["log"] and not report["in_flight"])
    assert report["log"][-1]["answered"] == "complete"
    deadline = time.monotonic() + 30
    while not Entry.objects.filter(kind="charge", amount_pico=2 + 2 * 40).exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not Attempt.objects.filter(status="dispatched").exists()
