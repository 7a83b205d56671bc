"""A stream ends normally only when the answer is whole."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from apps.providers.errors import ErrorKind, Outcome
from apps.providers.types import Endpoint
from tests.fakes.fixtures import Upstream
from tests.providers.calls import Run, chat_request, collect, failure, stream


def test_chunks_come_as_they_are_written(upstream: Upstream, endpoint: Endpoint, run: Run) -> None:
    chunks = run(collect(endpoint))

    assert [chunk.text for chunk in chunks] == [
        "", "You", " said:", " one", " two", " three", "", "",
    ]  # fmt: skip
    assert [chunk.finish_reason for chunk in chunks[-2:]] == ["stop", None]
    assert chunks[-1].usage.counts == {"in_uncached": 3, "out_text": 5}
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * 7
    assert {chunk.provider_request_id for chunk in chunks} == {"req_1"}


def test_usage_is_always_asked_for(upstream: Upstream, endpoint: Endpoint, run: Run) -> None:
    run(collect(endpoint, chat_request(stream_options={"include_usage": False})))

    [entry] = upstream.log()
    assert entry["body"]["stream"] is True
    assert entry["body"]["stream_options"] == {"include_usage": True}
    assert entry["answered"] == "complete"


def test_usage_that_cannot_be_true_is_told_in_the_last_chunk(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    upstream.behave(usage="mismatch")

    last = run(collect(endpoint))[-1]

    assert (last.usage, last.usage_problem) == (None, "total_tokens 99 is not 3 + 4")


def test_a_stream_without_usage_is_still_an_answer(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    upstream.behave(usage="missing")

    chunks = run(collect(endpoint))

    assert "".join(chunk.text for chunk in chunks) == "You said: one two three"
    assert {chunk.usage for chunk in chunks} == {None}
    assert {chunk.usage_problem for chunk in chunks} == {None}


CUTS = [
    ("close", ErrorKind.INCOMPLETE, Outcome.UNKNOWN),
    ("half_event", ErrorKind.INCOMPLETE, Outcome.UNKNOWN),
    ("reset", ErrorKind.INCOMPLETE, Outcome.UNKNOWN),
    ("error_event", ErrorKind.SERVER_ERROR, Outcome.UNKNOWN),
    ("bad_json", ErrorKind.BAD_RESPONSE, Outcome.BILLED),
    ("invalid_utf8", ErrorKind.BAD_RESPONSE, Outcome.BILLED),
]


@pytest.mark.parametrize(("cut", "kind", "outcome"), CUTS)
def test_what_came_before_a_cut_is_given_and_then_the_error(
    upstream: Upstream, endpoint: Endpoint, run: Run, cut: str, kind: ErrorKind, outcome: Outcome
) -> None:
    upstream.behave(cut=cut, cut_after=3)
    texts: list[str] = []

    async def watch() -> None:
        async for chunk in stream(endpoint):
            texts.append(chunk.text)  # noqa: PERF401  # what came before the error must be kept

    caught = run(failure(watch()))

    assert (caught.kind, caught.outcome, caught.usage) == (kind, outcome, None)
    assert (caught.retryable, caught.fallback) == (True, True)
    assert caught.status == 200
    assert "".join(texts) == "You said:"
    assert len(upstream.log()) == 1


@pytest.mark.parametrize("cut", ["no_done", "no_finish"])
def test_a_missing_end_is_incomplete_but_its_usage_is_known(
    upstream: Upstream, endpoint: Endpoint, run: Run, cut: str
) -> None:
    upstream.behave(cut=cut, cut_after=99)

    caught = run(failure(collect(endpoint)))

    assert (caught.kind, caught.outcome) == (ErrorKind.INCOMPLETE, Outcome.BILLED)
    assert caught.usage.counts == {"in_uncached": 3, "out_text": 5}


def test_a_server_that_never_gives_a_finish_reason_can_be_accepted(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    upstream.behave(cut="no_finish", cut_after=99)

    chunks = run(collect(replace(endpoint, finish_required=False)))

    assert "".join(chunk.text for chunk in chunks) == "You said: one two three"


@pytest.mark.parametrize("body", ["html", "null", "no_choices"])
def test_something_else_than_a_stream_is_a_bad_response(
    upstream: Upstream, endpoint: Endpoint, run: Run, body: str
) -> None:
    upstream.behave(body=body)

    caught = run(failure(collect(endpoint)))

    assert (caught.kind, caught.outcome) == (ErrorKind.BAD_RESPONSE, Outcome.BILLED)


def test_a_refusal_before_the_stream_is_told_by_its_status(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    upstream.behave(status=429, headers={"retry-after": "3"})

    caught = run(failure(collect(endpoint)))

    assert (caught.kind, caught.retry_after) == (ErrorKind.RATE_LIMITED, 3.0)
    assert caught.outcome is Outcome.NOT_BILLED


@pytest.mark.parametrize("moment", ["before_headers", "after_headers"])
def test_silence_ends_at_the_timeout(
    upstream: Upstream, endpoint: Endpoint, run: Run, moment: str
) -> None:
    upstream.behave(hang=moment)

    caught = run(failure(collect(endpoint, chat_request(timeout=0.5))))

    assert (caught.kind, caught.outcome) == (ErrorKind.TIMEOUT, Outcome.UNKNOWN)


def test_a_stream_that_drips_ends_at_the_timeout(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    upstream.behave(chunk_latency=0.2, content="word " * 1000)

    caught = run(failure(collect(endpoint, chat_request(timeout=1, max_tokens=1000))))

    assert (caught.kind, caught.outcome) == (ErrorKind.TIMEOUT, Outcome.UNKNOWN)
    assert upstream.log()[0]["answered"] == "client_gone"


def test_closing_early_closes_the_connection(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    upstream.behave(chunk_latency=0.05, content="word " * 1000)

    async def first_words() -> None:
        async with aclosing(stream(endpoint, chat_request(max_tokens=1000))) as chunks:
            async for chunk in chunks:
                if chunk.text:
                    break
        assert await gone(upstream) == "client_gone"

    run(first_words())
    assert upstream.report()["connections"] == 0


def test_cancelling_closes_the_connection_and_stays_a_cancel(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    upstream.behave(hang="after_headers")

    async def cancelled() -> None:
        task = asyncio.create_task(collect(endpoint))
        await asyncio.to_thread(upstream.wait_until, lambda report: report["in_flight"] == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await gone(upstream) == "client_gone"

    run(cancelled())


def test_the_same_connection_serves_the_next_stream(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    async def thrice() -> None:
        for _ in range(3):
            await collect(endpoint)

    run(thrice())

    assert upstream.report()["connections_opened"] == 1


async def gone(upstream: Upstream) -> str:
    """How the only request ended."""
    report = await asyncio.to_thread(upstream.wait_until, lambda report: report["in_flight"] == 0)
    answered: str = report["log"][0]["answered"]
    return answered
