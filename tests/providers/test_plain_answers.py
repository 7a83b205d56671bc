from apps.providers.adapters import get_adapter
from apps.providers.types import Endpoint
from tests.fakes.fixtures import Upstream
from tests.providers.calls import Run, chat_request, embedding_request

ADAPTER = get_adapter("compatible")


def test_a_chat_answer_comes_whole(upstream: Upstream, endpoint: Endpoint, run: Run) -> None:
    result = run(ADAPTER.chat(endpoint, chat_request()))

    assert result.message["content"] == "You said: one two three"
    assert result.message["role"] == "assistant"
    assert result.finish_reason == "stop"
    assert result.model == "fake-chat"
    assert result.usage.counts == {"in_uncached": 3, "out_text": 5}
    assert result.usage_problem is None
    assert result.provider_request_id == "req_1"
    assert result.raw["choices"] == list(result.choices)


def test_exactly_what_was_asked_is_sent_once(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    run(ADAPTER.chat(endpoint, chat_request(temperature=0.5, tools=[{"type": "function"}])))

    [entry] = upstream.log()
    assert entry["path"] == "/v1/chat/completions"
    assert entry["body"] == {
        "model": "fake-chat",
        "messages": [{"role": "user", "content": "one two three"}],
        "max_tokens": 50,
        "temperature": 0.5,
        "tools": [{"type": "function"}],
    }


def test_parameters_cannot_change_the_model_or_make_a_stream(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    request = chat_request(model="dear", messages=[], stream=True, stream_options={})

    run(ADAPTER.chat(endpoint, request))

    [entry] = upstream.log()
    assert entry["body"] == {
        "model": "fake-chat",
        "messages": [{"role": "user", "content": "one two three"}],
        "max_tokens": 50,
    }


def test_all_choices_come(upstream: Upstream, endpoint: Endpoint, run: Run) -> None:
    result = run(ADAPTER.chat(endpoint, chat_request(n=3)))

    assert [choice["index"] for choice in result.choices] == [0, 1, 2]
    assert result.usage.output_total == 15


def test_tool_calls_pass_unchanged(upstream: Upstream, endpoint: Endpoint, run: Run) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    upstream.behave(message=message, finish_reason="tool_calls")

    result = run(ADAPTER.chat(endpoint, chat_request()))

    assert result.message == message
    assert result.finish_reason == "tool_calls"


def test_a_filtered_answer_is_an_answer_that_was_billed(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    upstream.behave(content="", finish_reason="content_filter")

    result = run(ADAPTER.chat(endpoint, chat_request()))

    assert result.finish_reason == "content_filter"
    assert result.usage.counts == {"in_uncached": 3}


def test_usage_that_cannot_be_true_is_no_usage(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    for wrong in ("missing", "negative", "strings", "mismatch"):
        upstream.behave(times=1, usage=wrong)
    results = [run(ADAPTER.chat(endpoint, chat_request())) for _ in range(4)]

    assert [result.usage for result in results] == [None] * 4
    assert [result.usage_problem for result in results] == [
        "missing",
        "total_tokens is not a number of tokens: -2",
        "prompt_tokens is not a number of tokens: 'x'",
        "total_tokens 99 is not 3 + 4",
    ]


def test_embeddings_come_in_the_order_of_the_inputs(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    both = run(ADAPTER.embed(endpoint, embedding_request("a b", "c")))
    swapped = run(ADAPTER.embed(endpoint, embedding_request("c", "a b")))

    vectors = [item["embedding"] for item in both.vectors]
    assert [item["embedding"] for item in swapped.vectors] == vectors[::-1]
    assert len(vectors[0]) == 8
    assert both.usage.counts == {"in_uncached": 3}
    assert upstream.log()[0]["body"] == {"model": "fake-chat", "input": ["a b", "c"]}


def test_embeddings_may_be_base64(upstream: Upstream, endpoint: Endpoint, run: Run) -> None:
    result = run(ADAPTER.embed(endpoint, embedding_request(encoding_format="base64")))

    assert all(isinstance(item["embedding"], str) for item in result.vectors)
