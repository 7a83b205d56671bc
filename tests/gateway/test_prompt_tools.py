"""A prompt that declares tools, through the pipeline and the door that OpenAI's clients use."""

import pytest
from django.utils import timezone

from apps.access.snapshot import caller_of
from apps.core import strict_json
from apps.gateway.config import read_config
from apps.gateway.prepare import prepare
from apps.gateway.types import CallRefused, CallSpec
from apps.ledger.models import Attempt
from apps.prompts.models import Channel
from apps.prompts.services import import_version
from apps.registry.models import Model
from tests.factories import make_key
from tests.gateway.asgi import Visit
from tests.prompts.tools import WEATHER, tool

CALLS = [
    {
        "id": "call_0",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"town": "text"}'},
    }
]


@pytest.fixture
def live(shop):
    """A version of the prompt “guide”, live."""
    Model.objects.filter(slug="small").update(supports_tools=True)

    def make(**changes):
        document = {
            "slug": "guide", "name": "Guide", "model": "small", "note": "A test.",
            "messages": [{"role": "user", "content": "Weather in {{ town }}?"}],
            "variables": {"town": {"type": "string"}}, "tools": [WEATHER],
            "parameters": {"max_tokens": 100, "parallel_tool_calls": False},
        }  # fmt: skip
        channel = Channel.objects.get(slug="production")
        return import_version(
            document=document | changes, by=None, now=timezone.now(), seal=True, channel=channel
        )

    return make


@pytest.fixture
def ask(call_pipeline):
    def run(**values):
        spec = {"model": "", "messages": (), "prompt": "guide", "variables": {"town": "Ulm"}}
        return call_pipeline(**spec | values)

    return run


def required(**more):
    return {"parameters": {"tool_choice": "required", **more}}


def test_they_are_sent_and_what_the_model_calls_comes_back(live, ask, upstream):
    live()

    outcome = ask(**required())

    (sent,) = upstream.log()
    assert sent["body"]["tools"] == [WEATHER]
    assert sent["body"]["tool_choice"] == "required"
    assert sent["body"]["parallel_tool_calls"] is False
    assert outcome.body["choices"][0]["message"]["tool_calls"] == CALLS
    assert (outcome.text, outcome.finish_reason) == ("", "tool_calls")


def test_they_are_sent_again_after_a_fault(live, ask, upstream):
    live()
    upstream.behave(status=500, times=1)

    assert ask(**required()).finish_reason == "tool_calls"
    assert [entry["body"]["tools"] for entry in upstream.log()] == [[WEATHER], [WEATHER]]


@pytest.mark.parametrize("fault", ["html", "short", "truncated_json", "no_choices"])
def test_an_answer_broken_off_is_no_tool_call(live, ask, upstream, fault):
    live()
    upstream.behave(body=fault, times=1)

    assert ask(**required()).body["choices"][0]["message"]["tool_calls"] == CALLS
    assert Attempt.objects.count() == 2


def test_a_caller_s_own_tools_are_refused_with_all_that_is_wrong(live, ask, upstream):
    live()
    wrong = {"tools": [tool()], "functions": [tool()["function"]], "tool_choice": tool("other")}

    with pytest.raises(CallRefused) as refused:
        ask(parameters=wrong | {"temperature": 5})

    assert sorted((fault.pointer, fault.code) for fault in refused.value.faults) == [
        ("/parameters/functions", "tools_of_prompt"),
        ("/parameters/temperature", "invalid"),
        ("/parameters/tool_choice/function/name", "no_tool"),
        ("/parameters/tools", "tools_of_prompt"),
    ]
    assert "get_weather" in refused.value.faults[0].detail
    assert upstream.log() == []


def test_equal_tools_are_refused_too(live, ask):
    live()

    with pytest.raises(CallRefused, match="declares its own tools"):
        ask(parameters={"tools": [WEATHER]})


def test_a_prompt_without_tools_takes_a_caller_s(live, ask, upstream):
    live(tools=[], parameters={"max_tokens": 100})

    ask(parameters={"tools": [WEATHER], "tool_choice": "required"})

    assert upstream.log()[0]["body"]["tools"] == [WEATHER]


def test_the_caller_chooses_among_them(live, ask, upstream):
    live(parameters={"max_tokens": 100, "tool_choice": "required"})

    assert ask().finish_reason == "tool_calls"
    assert ask(parameters={"tool_choice": "none"}).finish_reason == "stop"
    assert [entry["body"]["tool_choice"] for entry in upstream.log()] == ["required", "none"]


def test_a_model_that_cannot_call_tools_is_refused_before_it_is_sent(live, ask, upstream):
    live()
    Model.objects.filter(slug="small").update(supports_tools=False)

    with pytest.raises(CallRefused, match="cannot call tools"):
        ask()
    assert upstream.log() == []


def bound_of(shop):
    spec = CallSpec(prompt="guide", variables={"town": "Ulm"})
    return prepare(spec, config=read_config(), caller=caller_of(shop), request_id="r").input_bound


def test_their_bytes_are_held_for(live, shop):
    live(tools=[], parameters={"max_tokens": 100})
    without = bound_of(shop)
    live(parameters={"max_tokens": 100})

    assert bound_of(shop) - without >= len(strict_json.dumps([WEATHER]))


def test_they_take_room_from_a_prompt_that_is_shortened(live, ask):
    shortened = {"fit": {"max_input_tokens": 300, "steps": [{"truncate": "town", "keep": 10}]}}
    Model.objects.filter(slug="small").update(tokenizer="o200k_base")
    town = {"town": "word " * 150}
    live(tools=[], parameters={"max_tokens": 100}, **shortened)
    assert ask(variables=town).fit is None

    long = tool(description="word " * 200)
    live(tools=[long], parameters={"max_tokens": 100}, **shortened)
    assert ask(variables=town).fit.saved_tokens > 50

    live(tools=[long, tool("b", description="word " * 100)], **shortened)
    with pytest.raises(CallRefused) as refused:
        ask(variables=town)
    assert refused.value.code == "context_too_long"


def test_other_tools_are_another_answer(live, ask, upstream):
    live(parameters={"max_tokens": 100, "tool_choice": "required"})
    assert ask().cache == "miss"
    hit = ask()
    assert (hit.cache, hit.body["choices"][0]["message"]["tool_calls"]) == ("hit", CALLS)

    changed = {**WEATHER, "function": {**WEATHER["function"], "description": "Of any town."}}
    live(tools=[changed], parameters={"max_tokens": 100, "tool_choice": "required"})
    assert ask().cache == "miss"
    assert ask(parameters={"tool_choice": "auto"}).cache == "miss"
    assert len(upstream.log()) == 3


def stream(runtime, shop, **body):
    about = {"model": "auto", "prompt": "guide", "variables": {"town": "Ulm"}}
    return Visit(runtime, make_key(shop)).run(body=about | body)


def test_openai_s_clients_get_them_whole_and_as_a_stream(live, runtime, shop, upstream):
    live()

    plain = stream(runtime, shop, tool_choice="required")
    assert plain.json["choices"][0]["message"]["tool_calls"] == CALLS

    events = stream(runtime, shop, tool_choice="required", stream=True, cache="bypass").events
    pieces = [
        call["function"]
        for event in events[:-1]
        for choice in event["choices"]
        for call in choice["delta"].get("tool_calls", ())
    ]
    assert "".join(piece["arguments"] for piece in pieces) == CALLS[0]["function"]["arguments"]
    assert [entry["body"]["tools"] for entry in upstream.log()] == [[WEATHER], [WEATHER]]


def test_openai_s_clients_are_told_why_theirs_are_refused(live, runtime, shop):
    live()

    answer = stream(runtime, shop, tools=[WEATHER])

    assert answer.status == 400
    assert answer.json["error"]["param"] == "tools"
    assert "declares its own tools (get_weather)" in answer.json["error"]["message"]


def test_a_loop_of_tools_runs_through_a_prompt(live, ask, upstream):
    """What was answered goes back as it came, with what the tool said."""
    live(
        messages=[
            {"role": "user", "content": "Weather in {{ town }}?"},
            {"placeholder": "rounds"},
        ],
        variables={
            "town": {"type": "string"},
            "rounds": {"type": "messages", "required": False},
        },
    )
    answer = ask(**required()).body["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": "call_0", "content": "Sun, 20 degrees."}
    rounds = {"town": "Ulm", "rounds": [answer, result]}

    last = ask(variables=rounds, parameters={"tool_choice": "none"})

    asked = {"role": "user", "content": "Weather in Ulm?"}
    assert upstream.log()[1]["body"]["messages"] == [asked, answer, result]
    assert (last.finish_reason, bool(last.text)) == ("stop", True)
