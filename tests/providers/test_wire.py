"""What a server may do below the level of an answer."""

import ssl
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from apps.providers import heads
from apps.providers.adapters import get_adapter
from apps.providers.errors import ErrorKind, Outcome
from apps.providers.types import ChatResult, Endpoint
from tests.fakes.fixtures import Upstream
from tests.providers.calls import Run, chat_request, failure
from tests.providers.raw_server import RawServer, raw_server

ADAPTER = get_adapter("compatible")
BODY = orjson.dumps(
    {
        "choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
    }
)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
ANSWER = HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY


@pytest.fixture
def at(settings: Any, endpoint: Endpoint) -> Any:
    def endpoint_of(server: RawServer, scheme: str = "http") -> Endpoint:
        settings.OUTBOUND_ALLOWED_HOSTS = [server.host]
        return replace(endpoint, base_url=f"{scheme}://{server.host}/v1")

    return endpoint_of


@pytest.mark.parametrize(
    "answer",
    [
        ANSWER,
        b"HTTP/1.1 100 Continue\r\n\r\n" + ANSWER,
        b"HTTP/1.0 200 OK\r\n\r\n" + BODY,  # ends where the connection ends
        HEAD + b"connection: close\r\n\r\n" + BODY,
        HEAD + b"transfer-encoding: chunked\r\n\r\n%x;a=b\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY),
    ],
    ids=["plain", "continue", "http_1_0", "until_close", "chunked"],
)
def test_every_form_of_an_answer_is_read(run: Run, at: Any, answer: bytes) -> None:
    with raw_server(answer) as server:
        result: ChatResult = run(ADAPTER.chat(at(server), chat_request()))

    assert result.message == {"content": "yes"}


NO_ANSWER = [
    (b"", ErrorKind.RESET, None),
    (b"SSH-2.0-OpenSSH_9.2\r\n", ErrorKind.RESET, None),
    (b"HTTP/1.1 200 OK\r\nx: " + b"x" * 100_000 + b"\r\n\r\n", ErrorKind.RESET, None),
    (HEAD + b"content-le", ErrorKind.RESET, None),
    (HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n", ErrorKind.RESET, None),
    (HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\n{", ErrorKind.INCOMPLETE, 200),
    (b"HTTP/1.1 500 No\r\ncontent-length: 9\r\n\r\n{", ErrorKind.SERVER_ERROR, 500),
]


@pytest.mark.parametrize(
    ("answer", "kind", "status"),
    NO_ANSWER,
    ids=["nothing", "ssh", "large_head", "half_head", "no_chunk", "half_chunk", "half_reason"],
)
def test_what_is_no_answer(
    run: Run, at: Any, answer: bytes, kind: ErrorKind, status: int | None
) -> None:
    with raw_server(answer) as server:
        caught = run(failure(ADAPTER.chat(at(server), chat_request(timeout=5))))

    assert (caught.kind, caught.status) == (kind, status)
    expected = Outcome.ASSUMED_NOT_BILLED if status == 500 else Outcome.UNKNOWN
    assert caught.outcome is expected
    assert server.requests == 1


def test_a_request_id_that_is_no_text_can_be_stored(run: Run, at: Any) -> None:
    answer = ANSWER.replace(b"\r\ncontent-type", b"\r\nx-request-id: a\xff\tb\r\ncontent-type", 1)
    with raw_server(answer) as server:
        result: ChatResult = run(ADAPTER.chat(at(server), chat_request()))

    assert result.provider_request_id.encode() == b"ab"


def test_a_connection_that_ended_while_our_loop_was_busy_is_not_used(run: Run, at: Any) -> None:
    async def two_calls(endpoint: Endpoint) -> str | None:
        await ADAPTER.chat(endpoint, chat_request())
        server.hang_up()  # the loop has had no turn to hear of it
        return (await ADAPTER.chat(endpoint, chat_request())).finish_reason

    with raw_server(ANSWER) as server:
        assert run(two_calls(at(server))) == "stop"
        assert server.requests == 2


def test_a_request_that_went_out_on_a_dying_connection_is_not_sent_twice(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    async def two_calls() -> ErrorKind:
        await ADAPTER.chat(endpoint, chat_request())
        upstream.behave(reset="before_headers")
        return (await failure(ADAPTER.chat(endpoint, chat_request()))).kind

    assert run(two_calls()) is ErrorKind.RESET
    assert len(upstream.log()) == 2


def test_a_certificate_that_nobody_vouches_for_is_refused(
    run: Run, at: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*command.split(), *subject, "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))  # nor does our environment
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)

    with raw_server(ANSWER, tls) as server:
        caught = run(failure(ADAPTER.chat(at(server, "https"), chat_request())))

    assert (caught.kind, caught.outcome) == (ErrorKind.CONNECT, Outcome.NOT_BILLED)
    assert server.requests == 0


def test_a_request_of_many_megabytes_arrives_whole(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    text = "ä" * 3_000_000
    request = replace(chat_request(), messages=({"role": "user", "content": text},))

    run(ADAPTER.chat(endpoint, request))

    [entry] = upstream.log()
    assert entry["body"]["messages"][0]["content"] == text
    assert "content-length" in entry["headers"]


def test_a_request_that_is_no_json_is_never_sent(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    caught = run(failure(ADAPTER.chat(endpoint, chat_request(user="\ud800"))))

    assert (caught.kind, caught.outcome) == (ErrorKind.BAD_REQUEST, Outcome.NOT_BILLED)
    assert upstream.log() == []


def test_the_number_of_remembered_heads_is_bounded(
    upstream: Upstream, endpoint: Endpoint, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "MAX_HEADS", 2)
    azure = replace(endpoint, vendor="azure", base_url=f"http://{upstream.host}")

    async def five_models() -> None:
        for number in range(5):
            await get_adapter("azure").chat(replace(azure, model=f"m{number}"), chat_request())

    run(five_models())

    assert [entry["path"].split("/")[3] for entry in upstream.log()] == [f"m{n}" for n in range(5)]
