"""examples/client.py against a server that fails on demand: what is repeated, and how it ends."""

import importlib.util
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType

import pytest

from llmplatform.embedded.layout import ROOT, free_port

JOB = {"id": "1", "links": {"self": "/api/v1/jobs/1/"}, "error": None}
DONE = JOB | {"status": "succeeded", "result": {"text": "Hello"}}
UNAVAILABLE = {"code": "unavailable", "detail": "The database is not answering.", "errors": []}
INVALID = {
    "code": "invalid_request",
    "detail": "1 fault in the request.",
    "errors": [{"pointer": "/prompt", "detail": "Required.", "code": "required"}],
}


class Server(ThreadingHTTPServer):
    """Gives the answers in `script` one after the other, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[tuple[int, dict]] = []
        self.asked: list[tuple[str, str, str | None]] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, self.headers["Idempotency-Key"]))
        status, body = self.server.script.pop(0)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    do_GET = do_POST = answer

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    with Server() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setenv("LLMPLATFORM_URL", f"http://127.0.0.1:{running.server_port}")
        monkeypatch.setenv("LLMPLATFORM_API_KEY", "any")
        yield running
        running.shutdown()


@pytest.fixture
def client(monkeypatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("client", ROOT / "examples" / "client.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0)
    return module


def test_a_finished_job_is_returned(client, server):
    server.script = [(200, DONE)]

    assert client.run_job({"prompt": "p"}, key="k") == DONE
    assert server.asked == [("POST", "/api/v1/jobs/", "k")]


def test_a_running_job_is_waited_for(client, server):
    server.script = [(202, JOB | {"status": "queued"}), (200, JOB | {"status": "running"})]
    server.script += [(200, DONE)]

    assert client.run_job({"prompt": "p"}, key="k") == DONE
    assert server.asked[1:] == 2 * [("GET", "/api/v1/jobs/1/?wait=30", None)]


def test_what_may_pass_is_repeated_with_the_same_key(client, server):
    server.script = [(503, UNAVAILABLE), (429, UNAVAILABLE), (200, DONE)]

    assert client.run_job({"prompt": "p"}) == DONE
    keys = {key for _, _, key in server.asked}
    assert len(server.asked) == 3
    assert len(keys) == 1
    assert None not in keys


def test_two_jobs_without_a_key_have_two(client, server):
    server.script = [(200, DONE), (200, DONE)]

    client.run_job({"prompt": "p"})
    client.run_job({"prompt": "p"})

    assert len({key for _, _, key in server.asked}) == 2


def test_after_some_tries_it_gives_up(client, server):
    server.script = client.TRIES * [(503, UNAVAILABLE)]

    with pytest.raises(client.JobError, match="database is not answering") as caught:
        client.run_job({"prompt": "p"})

    assert caught.value.retryable
    assert server.script == []


def test_a_fault_of_ours_is_not_repeated_and_names_every_field(client, server):
    server.script = [(400, INVALID)]

    with pytest.raises(client.JobError, match="/prompt: Required") as caught:
        client.run_job({})

    assert not caught.value.retryable
    assert caught.value.code == "invalid_request"
    assert len(server.asked) == 1


def test_a_job_that_failed_is_an_error(client, server):
    failed = {"status": "failed", "error": {"code": "budget_exceeded", "message": "Full."}}
    server.script = [(200, JOB | failed)]

    with pytest.raises(client.JobError, match=r"failed: Full\.") as caught:
        client.run_job({"prompt": "p"})

    assert caught.value.code == "budget_exceeded"


def test_a_platform_that_is_away_is_an_error(client, server, monkeypatch):
    monkeypatch.setenv("LLMPLATFORM_URL", f"http://127.0.0.1:{free_port()}")

    with pytest.raises(client.JobError, match="does not answer") as caught:
        client.run_job({"prompt": "p"})

    assert caught.value.retryable


def test_a_missing_variable_is_named(client, monkeypatch):
    monkeypatch.delenv("LLMPLATFORM_URL", raising=False)

    with pytest.raises(client.JobError, match="Set LLMPLATFORM_URL"):
        client.run_job({"prompt": "p"})
