"""Every way in which a plain call can fail, and what the error says about it."""

import socket
import time
from dataclasses import replace
from typing import Any

import pytest

from apps.providers.adapters import get_adapter
from apps.providers.errors import ErrorKind, Outcome
from apps.providers.types import Endpoint
from tests.fakes.fixtures import Upstream
from tests.providers.calls import Run, chat_request, embedding_request, failure

ADAPTER = get_adapter("compatible")
AGAIN, ELSEWHERE, NEVER = (True, True), (False, True), (False, False)
TOO_LONG = {"message": "This model's maximum context length is 8192 tokens.", "code": 400}

STATUSES = [
    (307, {}, ErrorKind.BAD_RESPONSE, ELSEWHERE, Outcome.NOT_BILLED),
    (400, {}, ErrorKind.BAD_REQUEST, NEVER, Outcome.NOT_BILLED),
    (401, {}, ErrorKind.AUTH, ELSEWHERE, Outcome.NOT_BILLED),
    (402, {}, ErrorKind.AUTH, ELSEWHERE, Outcome.NOT_BILLED),
    (403, {}, ErrorKind.AUTH, ELSEWHERE, Outcome.NOT_BILLED),
    (404, {}, ErrorKind.NOT_FOUND, NEVER, Outcome.NOT_BILLED),
    (405, {}, ErrorKind.BAD_REQUEST, NEVER, Outcome.NOT_BILLED),
    (408, {}, ErrorKind.TIMEOUT, AGAIN, Outcome.NOT_BILLED),
    (409, {}, ErrorKind.CONFLICT, AGAIN, Outcome.NOT_BILLED),
    (413, {}, ErrorKind.BAD_REQUEST, NEVER, Outcome.NOT_BILLED),
    (422, {}, ErrorKind.BAD_REQUEST, NEVER, Outcome.NOT_BILLED),
    (429, {}, ErrorKind.RATE_LIMITED, AGAIN, Outcome.NOT_BILLED),
    (500, {}, ErrorKind.SERVER_ERROR, AGAIN, Outcome.ASSUMED_NOT_BILLED),
    (502, {}, ErrorKind.SERVER_ERROR, AGAIN, Outcome.ASSUMED_NOT_BILLED),
    (503, {}, ErrorKind.SERVER_ERROR, AGAIN, Outcome.ASSUMED_NOT_BILLED),
    (
        400,
        {"code": "context_length_exceeded"},
        ErrorKind.CONTEXT_TOO_LONG,
        ELSEWHERE,
        Outcome.NOT_BILLED,
    ),
    (
        400,
        {"type": "exceed_context_size_error"},
        ErrorKind.CONTEXT_TOO_LONG,
        ELSEWHERE,
        Outcome.NOT_BILLED,
    ),
    (400, TOO_LONG, ErrorKind.CONTEXT_TOO_LONG, ELSEWHERE, Outcome.NOT_BILLED),
    (400, {"code": "content_filter"}, ErrorKind.CONTENT_REFUSED, ELSEWHERE, Outcome.NOT_BILLED),
    (429, {"code": "insufficient_quota"}, ErrorKind.RATE_LIMITED, ELSEWHERE, Outcome.NOT_BILLED),
]


@pytest.mark.parametrize(("status", "error", "kind", "again", "outcome"), STATUSES)
def test_a_status_decides(
    upstream: Upstream,
    endpoint: Endpoint,
    run: Run,
    status: int,
    error: dict[str, Any],
    kind: ErrorKind,
    again: tuple[bool, bool],
    outcome: Outcome,
) -> None:
    upstream.behave(status=status, error=error)

    caught = run(failure(ADAPTER.chat(endpoint, chat_request())))

    assert (caught.kind, caught.status, caught.outcome) == (kind, status, outcome)
    assert (caught.retryable, caught.fallback) == again
    assert caught.provider_request_id == "req_1"
    assert caught.usage is None
    assert len(upstream.log()) == 1


BODIES = [
    ("html", ErrorKind.BAD_RESPONSE, None),
    ("null", ErrorKind.BAD_RESPONSE, None),
    ("no_choices", ErrorKind.BAD_RESPONSE, (3, 5)),
    ("truncated_json", ErrorKind.BAD_RESPONSE, None),
    ("invalid_utf8", ErrorKind.BAD_RESPONSE, None),
    ("empty", ErrorKind.BAD_RESPONSE, None),
    ("huge", ErrorKind.BAD_RESPONSE, None),
]


@pytest.mark.parametrize(("body", "kind", "usage"), BODIES)
def test_garbage_with_a_200_is_an_error_that_was_billed(
    upstream: Upstream,
    endpoint: Endpoint,
    run: Run,
    body: str,
    kind: ErrorKind,
    usage: tuple[int, int] | None,
) -> None:
    upstream.behave(body=body)

    caught = run(failure(ADAPTER.chat(endpoint, chat_request())))

    assert (caught.kind, caught.status, caught.outcome) == (kind, 200, Outcome.BILLED)
    assert (caught.retryable, caught.fallback) == AGAIN
    reported = caught.usage and (caught.usage.input_total, caught.usage.output_total)
    assert reported == usage
    assert len(upstream.log()) == 1


def test_a_body_shorter_than_announced_is_incomplete(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    upstream.behave(body="short")

    caught = run(failure(ADAPTER.chat(endpoint, chat_request())))

    assert (caught.kind, caught.outcome) == (ErrorKind.INCOMPLETE, Outcome.UNKNOWN)
    assert caught.status == 200
    assert len(upstream.log()) == 1


def test_an_error_inside_a_200_is_an_error(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    upstream.behave(body="error")

    caught = run(failure(ADAPTER.chat(endpoint, chat_request())))

    assert (caught.kind, caught.outcome) == (ErrorKind.SERVER_ERROR, Outcome.UNKNOWN)
    assert caught.message == "Overloaded"


def test_no_finish_reason_is_incomplete_where_one_is_required(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    upstream.behave(finish_reason=None)

    caught = run(failure(ADAPTER.chat(endpoint, chat_request())))
    accepted = run(ADAPTER.chat(replace(endpoint, finish_required=False), chat_request()))

    assert (caught.kind, caught.outcome) == (ErrorKind.INCOMPLETE, Outcome.BILLED)
    assert caught.usage.output_total == 5
    assert accepted.finish_reason is None


def test_redirects_are_not_followed(upstream: Upstream, endpoint: Endpoint, run: Run) -> None:
    upstream.behave(times=1, redirect=f"{upstream.url}/elsewhere")

    caught = run(failure(ADAPTER.chat(endpoint, chat_request())))

    assert caught.kind is ErrorKind.BAD_RESPONSE
    assert [entry["path"] for entry in upstream.log()] == ["/v1/chat/completions"]


@pytest.mark.parametrize(
    ("moment", "kind"),
    [("before_headers", ErrorKind.RESET), ("after_headers", ErrorKind.INCOMPLETE)],
)
def test_a_lost_connection_leaves_the_bill_unknown(
    upstream: Upstream, endpoint: Endpoint, run: Run, moment: str, kind: ErrorKind
) -> None:
    upstream.behave(reset=moment)

    caught = run(failure(ADAPTER.chat(endpoint, chat_request())))

    assert (caught.kind, caught.outcome) == (kind, Outcome.UNKNOWN)
    assert (caught.retryable, caught.fallback) == AGAIN
    assert len(upstream.log()) == 1


def test_silence_ends_at_the_timeout_and_closes_the_connection(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    upstream.behave(hang="before_headers")
    started = time.monotonic()

    caught = run(failure(ADAPTER.chat(endpoint, chat_request(timeout=0.5))))

    assert (caught.kind, caught.outcome) == (ErrorKind.TIMEOUT, Outcome.UNKNOWN)
    assert 0.45 < time.monotonic() - started < 5
    [entry] = upstream.log()
    assert entry["answered"] == "client_gone"


def test_silence_longer_than_the_read_timeout_ends_the_call(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    upstream.behave(hang="before_headers")

    caught = run(failure(ADAPTER.chat(replace(endpoint, read_timeout=0.1), chat_request())))

    assert (caught.kind, caught.outcome) == (ErrorKind.TIMEOUT, Outcome.UNKNOWN)


def test_a_compressed_answer_could_be_a_bomb_and_is_not_unpacked(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    upstream.behave(headers={"content-encoding": "gzip"})

    caught = run(failure(ADAPTER.chat(endpoint, chat_request())))

    assert (caught.kind, caught.outcome) == (ErrorKind.BAD_RESPONSE, Outcome.BILLED)
    assert upstream.log()[0]["headers"]["accept-encoding"] == "identity"


@pytest.mark.parametrize("key", ["ends in a line break\n", "schlüssel"])
def test_a_key_that_no_header_can_carry_is_never_sent(
    upstream: Upstream, endpoint: Endpoint, run: Run, key: str
) -> None:
    caught = run(failure(ADAPTER.chat(replace(endpoint, api_key=key), chat_request())))

    assert (caught.kind, caught.outcome) == (ErrorKind.AUTH, Outcome.NOT_BILLED)
    assert upstream.log() == []


def test_a_closed_port_was_never_billed(settings: Any, endpoint: Endpoint, run: Run) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{unused.getsockname()[1]}"
        settings.OUTBOUND_ALLOWED_HOSTS = [host]
        nobody = replace(endpoint, base_url=f"http://{host}/v1")
        caught = run(failure(ADAPTER.chat(nobody, chat_request())))

    assert (caught.kind, caught.outcome) == (ErrorKind.CONNECT, Outcome.NOT_BILLED)
    assert (caught.retryable, caught.fallback) == AGAIN


def test_a_private_address_that_nobody_allowed_is_never_called(
    settings: Any, upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    settings.OUTBOUND_ALLOWED_HOSTS = []

    caught = run(failure(ADAPTER.chat(endpoint, chat_request())))

    assert (caught.kind, caught.outcome) == (ErrorKind.REFUSED, Outcome.NOT_BILLED)
    assert (caught.retryable, caught.fallback) == ELSEWHERE
    assert upstream.log() == []


@pytest.mark.parametrize("body", ["html", "null", "no_choices", "truncated_json", "empty"])
def test_embeddings_are_checked_as_well(
    upstream: Upstream, endpoint: Endpoint, run: Run, body: str
) -> None:
    upstream.behave(body=body)

    caught = run(failure(ADAPTER.embed(endpoint, embedding_request())))

    assert (caught.kind, caught.outcome) == (ErrorKind.BAD_RESPONSE, Outcome.BILLED)
    assert len(upstream.log()) == 1


def test_retry_after_is_passed_on(upstream: Upstream, endpoint: Endpoint, run: Run) -> None:
    upstream.behave(status=429, headers={"retry-after": "7"}, times=1)
    upstream.behave(status=429, headers={"retry-after": "7", "retry-after-ms": "250"}, times=1)
    upstream.behave(status=503, headers={"retry-after": "soon"}, times=1)

    waits = [run(failure(ADAPTER.chat(endpoint, chat_request()))).retry_after for _ in range(3)]

    assert waits == [7.0, 0.25, None]
