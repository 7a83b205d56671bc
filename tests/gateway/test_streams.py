"""A stream is read to its usage, whatever becomes of its client, in bounded memory."""

import asyncio

import pytest

from apps.gateway.openai_api import outbox, streaming
from apps.ledger.models import Attempt, Entry
from apps.registry.models import Model
from tests.factories import make_key, make_priced_deployment, make_provider
from tests.gateway.asgi import HELLO, Visit

WORDS = " ".join(f"word{number}" for number in range(30))
STREAM = {
    "model": "small",
    "messages": [HELLO],
    "stream": True,
    "stream_options": {"include_usage": True},
}


@pytest.fixture
def visit(runtime, shop):
    key = make_key(shop)
    return lambda **values: Visit(runtime, key, **values)


def booked(runtime, upstream) -> Entry:
    """The only entry, once the upstream and the books are done."""
    upstream.wait_until(lambda report: report["log"] and not report["in_flight"], timeout=30)
    asyncio.run_coroutine_threadsafe(runtime.tasks.drain(20), runtime.loop).result(timeout=30)
    return Entry.objects.get()


def is_a_full_charge(entry: Entry) -> bool:
    return (entry.kind, entry.amount_pico) == ("charge", 2 * 1 + 30 * 2)


def test_a_stream_looks_as_the_upstream_sent_it_with_usage_and_cost_at_its_end(visit, upstream):
    upstream.behave(content=WORDS)

    seen = visit().run(body=STREAM)

    *chunks, last, done = seen.events
    assert seen.text == WORDS
    assert done == "[DONE]"
    assert all(chunk["usage"] is None and chunk["choices"] for chunk in chunks)
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == 30
    assert last["usage"]["cost_usd"] == "0.000000000062"
    assert last["llmplatform"]["deployment"] == "small-1"
    assert seen.headers["content-type"] == "text/event-stream"


def test_without_include_usage_no_chunk_speaks_of_it(visit, upstream):
    seen = visit().run(body={**STREAM, "stream_options": {}})

    assert all("usage" not in event for event in seen.events[:-1])


def test_a_client_that_leaves_is_billed_for_the_whole_answer(visit, runtime, upstream):
    upstream.behave(content=WORDS, chunk_latency=0.02)
    leaver = visit()
    ended = leaver.start(body=STREAM)
    leaver.wait_for_a_part()

    leaver.leave()
    ended.result(timeout=30)

    assert is_a_full_charge(booked(runtime, upstream))
    assert upstream.log()[0]["answered"] == "complete"
    assert "[DONE]" not in leaver.events


def test_a_client_that_stalls_does_not_hold_up_the_upstream(visit, runtime, upstream):
    upstream.behave(content=WORDS)
    slow = visit(stalls_after=1)
    ended = slow.start(body=STREAM)

    assert is_a_full_charge(booked(runtime, upstream))
    assert not ended.done()

    slow.read_on()
    ended.result(timeout=30)
    assert slow.text == WORDS
    assert slow.events[-1] == "[DONE]"


def test_a_client_that_falls_too_far_behind_is_told_and_dropped(
    visit, runtime, upstream, monkeypatch
):
    monkeypatch.setattr(outbox, "MAX_PENDING", 1000)
    upstream.behave(content=WORDS, chunk_latency=0.005)
    slow = visit(stalls_after=1)
    ended = slow.start(body=STREAM)
    assert is_a_full_charge(booked(runtime, upstream))

    slow.read_on()
    ended.result(timeout=30)

    assert slow.events[-1]["error"]["code"] == "client_too_slow"
    assert WORDS.startswith(slow.text)


def test_a_client_that_takes_nothing_is_given_up(visit, runtime, upstream, monkeypatch):
    monkeypatch.setattr(streaming, "SEND_SECONDS", 0.05)
    upstream.behave(content=WORDS)
    dead = visit(stalls_after=0)

    dead.start(body=STREAM).result(timeout=30)

    assert not dead.ended
    assert is_a_full_charge(booked(runtime, upstream))


@pytest.mark.parametrize("cut", ["close", "half_event", "error_event", "bad_json"])
def test_before_the_first_token_another_deployment_answers(visit, upstream, cut):
    make_priced_deployment(
        provider=make_provider(upstream.url, slug="second"),
        model=Model.objects.get(slug="small"),
        slug="small-2",
        upstream_name="healthy",
    )
    upstream.behave(model="small", cut=cut, cut_after=1)  # the role has been sent, no text

    seen = visit().run(body=STREAM)

    assert seen.text == "You said: hello there"
    assert len({event["id"] for event in seen.events[:-1]}) == 1
    assert seen.events[-2]["llmplatform"]["attempts"] == 2
    assert [entry["model"] for entry in upstream.log()] == ["small", "healthy"]


def test_a_cut_stream_says_so_is_booked_by_what_was_said_and_never_cached(visit, runtime, upstream):
    upstream.behave(content=WORDS, cut="close", cut_after=10, times=1)

    broken = visit().run(body=STREAM)
    whole = visit().run(body=STREAM)

    assert broken.text == " ".join(WORDS.split()[:9])
    assert broken.events[-1]["error"]["type"] == "server_error"
    assert "[DONE]" not in broken.events
    assert whole.events[-1] == "[DONE]"
    assert len(upstream.log()) == 2
    attempts = Attempt.objects.order_by("id")
    assert [a.status for a in attempts] == ["unknown", "succeeded"]
    estimate = Entry.objects.get(kind="estimate")
    assert 0 < estimate.amount_pico < 2 * 1024


def test_a_slow_upstream_does_not_let_the_connection_fall_silent(visit, upstream, settings):
    settings.STREAM_KEEP_ALIVE_SECONDS = 0.05
    upstream.behave(latency=0.5)

    seen = visit().run(body=STREAM)

    assert seen.parts[0] == b": keep-alive\n\n"
    assert seen.text == "You said: hello there"


def test_an_error_after_the_beginning_is_an_event(visit, upstream, settings):
    settings.STREAM_KEEP_ALIVE_SECONDS = 0.05
    upstream.behave(latency=0.5, status=400, error={"message": "no such thing"})

    seen = visit().run(body=STREAM)

    assert seen.status == 200
    assert "no such thing" in seen.events[-1]["error"]["message"]


def test_an_error_before_the_beginning_is_an_error_answer(visit, upstream):
    upstream.behave(status=400, error={"message": "no such thing"})

    seen = visit().run(body=STREAM)

    assert seen.status == 400
    assert "no such thing" in seen.json["error"]["message"]
