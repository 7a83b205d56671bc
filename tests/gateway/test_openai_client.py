"""The official client works with only `base_url` and `api_key` changed, errors included."""

import base64
import struct
import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from apps.ledger.models import Entry
from apps.registry.models import Model
from tests.factories import make_key, make_model, make_priced_deployment, make_provider
from tests.servers import served


@pytest.fixture
def gateway_url(transactional_db: None, clean_redis: None) -> Iterator[str]:
    with served("asgi", "llmplatform.asgi:application") as url:
        yield url


@pytest.fixture
def client(shop: Any, upstream: Any, gateway_url: str) -> Iterator[openai.OpenAI]:
    Model.objects.update(supports_tools=True)
    make_priced_deployment(
        provider=make_provider(upstream.url),
        model=make_model("vectors", kind="embedding", max_output_tokens=0),
        slug="vectors-1",
    )
    with openai.OpenAI(base_url=f"{gateway_url}/v1", api_key=make_key(shop)) as client:
        wait_for_configuration(client)
        yield client


def wait_for_configuration(client: openai.OpenAI) -> None:
    """The key was made after the gateway started: it is in force within a second."""
    with_patience = client.with_options(max_retries=0)
    deadline = time.monotonic() + 30  # a busy machine's second may be long
    while True:
        try:
            with_patience.models.list()
        except openai.AuthenticationError:
            assert time.monotonic() < deadline, "a new key was not in force after 30 s"
            continue
        return


HELLO: list[Any] = [{"role": "user", "content": "hello there"}]


def test_the_whole_surface(client, upstream):
    """One server for many questions: each start of a process costs seconds."""
    check_chat(client)
    check_stream(client)
    check_embeddings(client)
    check_responses(client)
    check_models(client)
    check_typed_errors(client)
    check_headers(client, upstream)


def check_chat(client):
    answer = client.chat.completions.create(model="small", messages=HELLO)

    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def check_stream(client):
    """A fresh answer and one from the cache stream alike."""
    for _ in range(2):
        chunks = list(
            client.chat.completions.create(
                model="small",
                messages=[{"role": "user", "content": "a stream of words please"}],
                stream=True,
                stream_options={"include_usage": True},
            )
        )
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert text
        assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
        assert chunks[-1].usage.completion_tokens > 0
        assert chunks[-1].usage.cost_usd
    assert Entry.objects.filter(kind="cache_hit").count() == 1


def check_embeddings(client):
    answer = client.embeddings.create(model="vectors", input=["one", "two"])
    encoded = client.embeddings.create(
        model="vectors", input=["one", "two"], encoding_format="base64"
    )

    assert len(answer.data) == 2
    numbers = base64.b64decode(encoded.data[0].embedding)
    assert struct.unpack(f"<{len(numbers) // 4}f", numbers) == pytest.approx(
        answer.data[0].embedding, abs=1e-6
    )
    assert answer.usage.prompt_tokens > 0


def check_responses(client):
    """A stream puts itself together to what the plain answer says, by the package's own rules."""
    add = {
        "type": "function",
        "name": "add",
        "strict": True,
        "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
    }
    requests = [{"input": "hello"}, {"input": "add", "tools": [add], "tool_choice": "required"}]
    for request in requests:
        plain = client.responses.create(model="small", **request)
        for cache in ("bypass", "use"):
            with client.responses.stream(
                model="small", extra_body={"cache": cache}, **request
            ) as stream:
                numbers = [event.sequence_number for event in stream]
                told = stream.get_final_response()
            assert numbers == list(range(len(numbers)))
            assert told.output_text == plain.output_text
            assert told.usage == plain.usage
            assert [item.type for item in told.output] == [item.type for item in plain.output]
            if plain.output[0].type == "function_call":
                assert told.output[0].arguments == plain.output[0].arguments


def check_models(client):
    assert sorted(model.id for model in client.models.list()) == ["small", "vectors"]
    assert client.models.retrieve("small").id == "small"


def check_typed_errors(client):
    wrong = client.with_options(api_key="llmp_wrong", max_retries=0)
    with pytest.raises(openai.AuthenticationError) as refused:
        wrong.chat.completions.create(model="small", messages=HELLO)
    assert refused.value.code == "invalid_api_key"

    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="nonsense", messages=HELLO)
    assert (refused.value.code, refused.value.param) == ("model_not_found", "model")

    with pytest.raises(openai.BadRequestError) as refused:
        client.post("/chat/completions", cast_to=object, body={})
    assert "messages" in str(refused.value)

    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(
            model="small", messages=HELLO, temperature=9, extra_body={"api_base": "http://x"}
        )
    assert "api_base" in str(refused.value)

    with pytest.raises(openai.NotFoundError) as refused:
        client.get("/nothing/here", cast_to=object)
    assert refused.value.code == "not_found"


def check_headers(client, upstream):
    upstream.behave(model="small", content="priced answer")
    raw = client.chat.completions.with_raw_response.create(
        model="small",
        messages=[{"role": "user", "content": "what did it cost"}],
        extra_headers={"x-request-id": "my-own-request-id"},
    )

    assert raw.headers["x-request-id"] == "my-own-request-id"
    entry = Entry.objects.get(request_id="my-own-request-id")
    assert raw.headers["x-llm-cost-usd"] == f"0.{entry.amount_pico:012d}"
    assert raw.headers["x-llm-deployment"] == "small-1"
