"""`/v1/responses` is an exact translation, or says by name what it cannot translate."""

import pytest
from openai.types.responses import Response

from apps.registry.models import Model
from tests.factories import make_key
from tests.gateway.asgi import Visit

TEXT = {"model": "small", "input": "hello there"}
ADD = {
    "type": "function",
    "name": "add",
    "description": None,
    "strict": True,
    "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
}


@pytest.fixture
def ask(runtime, shop):
    Model.objects.update(supports_tools=True, supports_json_schema=True)
    key = make_key(shop)
    return lambda **body: Visit(runtime, key).run("/v1/responses", {**TEXT, **body})


def parsed(seen: Visit) -> Response:
    """As the official client reads it, with every required field."""
    assert seen.status == 200, seen.json
    return Response.model_validate(seen.json, strict=False)


def test_text(ask, upstream):
    seen = ask(instructions="Be brief.", max_output_tokens=50, reasoning={"effort": "low"})

    answer = parsed(seen)
    assert answer.output_text == "You said: hello there"
    assert (answer.status, answer.usage.input_tokens, answer.usage.output_tokens) == (
        "completed", 4, 4
    )  # fmt: skip
    assert seen.headers["x-llm-cost-usd"] == "0.000000000012"
    sent = upstream.log()[0]["body"]
    assert sent["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hello there"},
    ]
    assert (sent["max_tokens"], sent["reasoning_effort"]) == (50, "low")


def test_an_answer_that_was_cut(ask):
    answer = parsed(ask(max_output_tokens=2))

    assert answer.status == "incomplete"
    assert answer.incomplete_details.reason == "max_output_tokens"


def test_a_function_is_called_and_its_result_is_given_back(ask, upstream):
    first = parsed(ask(tools=[ADD], tool_choice={"type": "function", "name": "add"}))
    call = first.output[0]
    assert (call.type, call.name, call.arguments) == ("function_call", "add", '{"a": 1}')

    result = {"type": "function_call_output", "call_id": call.call_id, "output": "4"}
    question = {"role": "user", "content": [{"type": "input_text", "text": "add"}]}
    parsed(ask(tools=[ADD], input=[question, call.model_dump(), result]))

    sent = upstream.log()[1]["body"]
    assert sent["tools"][0]["function"] == {n: ADD[n] for n in ("name", "strict", "parameters")}
    assert [message["role"] for message in sent["messages"]] == ["user", "assistant", "tool"]
    assert sent["messages"][1]["tool_calls"][0]["id"] == call.call_id
    assert sent["messages"][2] == {"role": "tool", "tool_call_id": call.call_id, "content": "4"}


def test_an_answer_goes_back_in_as_it_came(ask, upstream):
    said = parsed(ask()).output[0].model_dump()

    parsed(ask(input=[said, {"role": "user", "content": "go on"}]))

    back = upstream.log()[1]["body"]["messages"][0]
    assert back == {
        "role": "assistant",
        "content": [{"type": "text", "text": "You said: hello there"}],
    }


def test_a_schema(ask):
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    form = {"type": "json_schema", "name": "person", "schema": schema, "strict": True}

    assert parsed(ask(text={"format": form})).output_text == '{"name": "text"}'


def test_a_stream_that_breaks_ends_with_an_error_event(ask, upstream):
    upstream.behave(cut="error_event", cut_after=4)

    seen = ask(stream=True)

    events = b"".join(seen.parts).decode()
    assert events.count("event: response.output_text.delta") == 3
    assert "event: error" in events
    assert "response.completed" not in events


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("previous_response_id", "resp_1"),
        ("conversation", "conv_1"),
        ("stream", "yes"),
        ("store", True),
        ("background", True),
        ("truncation", "auto"),
        ("include", ["reasoning.encrypted_content"]),
        ("tools", [{"type": "web_search"}]),
        ("tools", [{"type": "function", "name": "f"}]),
        ("input", [{"type": "item_reference", "id": "x"}]),
        ("input", [{"role": "user", "content": [{"type": "input_file", "file_id": "x"}]}]),
        ("input", ["hello"]),
        ("input", 7),
        ("reasoning", {"effort": "low", "summary": "auto"}),
        ("text", "json"),
        ("unheard_of", 1),
    ],
)
def test_what_has_no_counterpart_is_refused_by_name(ask, upstream, name, value):
    seen = ask(**{name: value})

    assert seen.status == 400
    assert seen.json["error"]["param"] == name
    assert upstream.log() == []
