"""The fake against the real `openai` package: what it takes for OpenAI, our tests may as well."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from tests.fakes.answers import vector
from tests.fakes.behaviour import fingerprint
from tests.fakes.fixtures import Upstream
from tests.providers.calls import KEY, QUESTION


@pytest.fixture
def client(upstream: Upstream) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=upstream.url, api_key=KEY, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


def test_it_lists_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [
        "fake-chat",
        "fake-chat-small",
        "fake-embed",
    ]


def test_it_chats(upstream: Upstream, client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(model="fake-chat", messages=[QUESTION])

    assert completion.choices[0].message.content == "You said: one two three"
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage.prompt_tokens == 3
    assert completion.usage.completion_tokens == 5
    assert completion._request_id == "req_1"


def test_it_keeps_to_the_token_limit(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(
        model="fake-chat", messages=[QUESTION], max_completion_tokens=2
    )

    assert completion.choices[0].message.content == "You said:"
    assert completion.choices[0].finish_reason == "length"
    assert completion.usage.completion_tokens == 2


def test_it_streams(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="fake-chat",
        messages=[QUESTION],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "You said: one two three"
    assert chunks[-1].usage.total_tokens == 8


def test_it_embeds(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(
        model="fake-embed", input=["a b", "c"], encoding_format="float"
    )

    assert [item.embedding for item in answer.data] == [vector("a b", 8), vector("c", 8)]
    assert answer.usage.prompt_tokens == 3


def test_it_embeds_in_base64_as_the_package_asks_by_default(upstream: Upstream) -> None:
    with openai.OpenAI(base_url=upstream.url, api_key=KEY, max_retries=0) as client:
        answer = client.embeddings.create(model="fake-embed", input=["a b", "c"])

    assert upstream.log()[0]["body"]["encoding_format"] == "base64"
    expected = [vector("a b", 8), vector("c", 8)]
    for item, numbers in zip(answer.data, expected, strict=True):
        assert item.embedding == pytest.approx(numbers, rel=1e-6)


def test_its_errors_are_those_of_the_package(upstream: Upstream, client: openai.OpenAI) -> None:
    upstream.behave(status=429, error={"code": "rate_limit_exceeded"}, times=1)
    upstream.behave(status=401, times=1)

    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="fake-chat", messages=[QUESTION])
    with pytest.raises(openai.AuthenticationError):
        client.chat.completions.create(model="fake-chat", messages=[QUESTION])

    assert caught.value.code == "rate_limit_exceeded"
    client.chat.completions.create(model="fake-chat", messages=[QUESTION])


def test_rules_are_by_model_and_by_count(upstream: Upstream, client: openai.OpenAI) -> None:
    upstream.behave(model="fake-chat-small", content="small", times=1)
    upstream.behave(content="any")

    def ask(model: str) -> str | None:
        completion = client.chat.completions.create(model=model, messages=[QUESTION])
        return completion.choices[0].message.content

    assert [ask("fake-chat"), ask("fake-chat-small"), ask("fake-chat-small")] == [
        "any",
        "small",
        "any",
    ]


def test_its_log_tells_what_was_asked_and_answered(
    upstream: Upstream, client: openai.OpenAI
) -> None:
    client.chat.completions.create(model="fake-chat", messages=[QUESTION])

    [entry] = upstream.log()
    assert entry["number"] == 1
    assert entry["method"] == "POST"
    assert entry["path"] == "/v1/chat/completions"
    assert entry["model"] == "fake-chat"
    assert entry["body"] == {"model": "fake-chat", "messages": [QUESTION]}
    assert entry["authorization"] == fingerprint(f"Bearer {KEY}")
    assert "authorization" not in entry["headers"]
    assert (entry["status"], entry["answered"]) == (200, "complete")
    assert entry["usage"] == {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    assert entry["at"] <= entry["finished_at"]


def test_usage_can_be_set(upstream: Upstream, client: openai.OpenAI) -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 7, "total_tokens": 1007}
    upstream.behave(usage=usage)

    completion = client.chat.completions.create(model="fake-chat", messages=[QUESTION])

    assert completion.usage.prompt_tokens == 1000
    assert upstream.log()[0]["usage"] == usage


def test_a_body_that_is_no_json_is_a_client_error(
    upstream: Upstream, client: openai.OpenAI
) -> None:
    with pytest.raises(openai.BadRequestError):
        client.post("/chat/completions", cast_to=object, content=b"{")


def test_slow_answers_do_not_wait_for_each_other(upstream: Upstream, client: openai.OpenAI) -> None:
    upstream.behave(latency=0.5)
    started = time.monotonic()

    with ThreadPoolExecutor(8) as threads:
        for _ in range(8):
            threads.submit(client.chat.completions.create, model="m", messages=[QUESTION])

    assert upstream.report()["in_flight_max"] > 1
    assert time.monotonic() - started < 3.5
