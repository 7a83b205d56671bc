"""P2 of the scorecard (docs/proof.md): what an upstream and the wire to it can do, 21 times.

Each is told by its right name, sent once for each attempt that is booked, never cached unless it
is the whole answer, and never costs less than nothing. The first thirteen are what the vendor's
package was seen to take for an answer, to repeat by itself, or to follow elsewhere.
"""

import asyncio
from typing import Any

import pytest

from apps.gateway.types import CallRefused, CallSpec
from apps.ledger.models import Attempt, Entry
from apps.registry.models import Provider
from tests.fakes.toxics import spoiled
from tests.gateway.conftest import make_call

SPOILED_STREAMS = {
    "closed after two chunks": ({"cut": "close"}, "incomplete"),
    "a clean end without [DONE]": ({"cut": "no_done", "cut_after": 99}, "incomplete"),
    "half an event": ({"cut": "half_event"}, "incomplete"),
    "cut in the middle": ({"cut": "reset"}, "incomplete"),
    "an error as an event": ({"cut": "error_event"}, "server_error"),
    "an event that is no JSON": ({"cut": "bad_json"}, "bad_response"),
}
SPOILED_ANSWERS = {
    "HTML": ({"body": "html"}, "bad_response"),
    "null": ({"body": "null"}, "bad_response"),
    "no choices": ({"body": "no_choices"}, "bad_response"),
    "half a body": ({"body": "short"}, "incomplete"),
    "500": ({"status": 500}, "server_error"),
    "another address": ({"redirect": "http://127.0.0.1:1/v1"}, "bad_response"),
}
TOXICS = {
    "latency": "",
    "bandwidth": "",
    "slow_close": "",
    "slicer": "",
    "timeout": "timeout",
    "reset_peer": "reset",
    "limit_data": "incomplete",
    "down": "connect",
}


def test_there_are_twenty_one():
    negative_usage = 1
    assert len(SPOILED_STREAMS) + len(SPOILED_ANSWERS) + negative_usage + len(TOXICS) == 21


@pytest.fixture
def ask(runtime, shop):
    """One call; the kind of its last attempt's error, "" when it was answered."""

    def ask(*, stream: bool = False, seconds: float = 20) -> str:
        spec = CallSpec(model="small", messages=({"role": "user", "content": "one two three"},))
        emit = _to_nobody if stream else None
        runtime.config.refresh()
        before, call = Attempt.objects.count(), make_call(shop, spec, seconds)
        work = runtime.pipeline.run(call, emit)
        try:
            answer = asyncio.run_coroutine_threadsafe(work, runtime.loop).result(timeout=60)
        except CallRefused:
            asyncio.run_coroutine_threadsafe(runtime.tasks.drain(20), runtime.loop).result(30)
            assert Attempt.objects.count() > before
            return Attempt.objects.filter(request_id=call.request_id).latest("number").error_kind
        return "cached" if answer.cache == "hit" else ""

    return ask


async def _to_nobody(chunk: dict[str, Any]) -> None:
    """A client that reads all of a stream."""


def check_books(upstream: Any, *, sent: bool = True) -> None:
    attempts = Attempt.objects.count()
    assert len(upstream.log()) == (attempts if sent else 0)
    assert {row.status for row in Attempt.objects.all()} <= {"succeeded", "failed", "unknown"}
    assert all(entry.amount_pico >= 0 for entry in Entry.objects.all())


@pytest.mark.parametrize("fault", SPOILED_STREAMS)
def test_a_spoiled_stream(ask, upstream, fault):
    behaviour, kind = SPOILED_STREAMS[fault]
    upstream.behave(**behaviour)

    assert ask(stream=True) == kind
    check_books(upstream)
    upstream.reset()
    assert ask() == "", "nothing was cached"


@pytest.mark.parametrize("fault", SPOILED_ANSWERS)
def test_a_spoiled_answer(ask, upstream, fault):
    behaviour, kind = SPOILED_ANSWERS[fault]
    upstream.behave(**behaviour)

    assert ask() == kind
    check_books(upstream)
    upstream.reset()
    assert ask() == "", "nothing was cached"


@pytest.mark.parametrize("usage", ["negative", "strings"])
def test_usage_that_cannot_be_is_booked_at_the_bound(ask, upstream, usage):
    upstream.behave(usage=usage)

    assert ask() == ""
    check_books(upstream)
    assert Entry.objects.get().kind == "conflict"
    assert Entry.objects.get().amount_pico > 0


@pytest.mark.parametrize("toxic", TOXICS)
def test_a_toxic_wire(ask, upstream, settings, toxic):
    with spoiled(upstream.host, toxic) as way:
        settings.OUTBOUND_ALLOWED_HOSTS = [*settings.OUTBOUND_ALLOWED_HOSTS, way.host]
        Provider.objects.update(base_url=f"http://{way.host}/v1")

        assert ask(seconds=1 if toxic == "timeout" else 20) == TOXICS[toxic]
        check_books(upstream, sent=toxic != "down")
        if not TOXICS[toxic]:
            assert ask() == "cached", "it was whole"
            return
    Provider.objects.update(base_url=upstream.url)
    assert ask() == "", "nothing was cached"
