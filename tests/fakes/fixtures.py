"""The fake upstream as a pytest fixture, and the handle that tests steer and question it with."""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Upstream:
    """A running fake upstream. `url` is what goes into a base URL, `host` into an allow-list."""

    def __init__(self, port: int) -> None:
        self.host = f"127.0.0.1:{port}"
        self.url = f"http://{self.host}/v1"

    def behave(self, **fault: Any) -> None:
        """Add a rule; the names are the fields of `tests.fakes.behaviour.Behaviour`."""
        self._call("POST", {"behave": fault})

    def batches(self, **rules: Any) -> None:
        """Rules of its Batch API; the names are the fields of `tests.fakes.batches.BatchRules`."""
        self._call("POST", {"batches": rules})

    def store(self) -> dict[str, Any]:
        """Its batches and what they ran, its files, and what it was asked for, in order."""
        found: dict[str, Any] = self.report()["store"]
        return found

    def reset(self) -> None:
        """Forget all rules and the log."""
        self._call("POST", {"reset": True})

    def log(self) -> list[dict[str, Any]]:
        """Every request that really arrived; the keys are the fields of `Entry`."""
        entries: list[dict[str, Any]] = self.report()["log"]
        return entries

    def report(self) -> dict[str, Any]:
        """`log`, `connections`, `connections_opened`, `in_flight`, `in_flight_max`."""
        return self._call("GET", None)

    def wait_until(
        self, reached: Callable[[dict[str, Any]], bool], *, timeout: float = 10
    ) -> dict[str, Any]:
        """The first report for which `reached` holds. Blocks: use a thread on an event loop."""
        deadline = time.monotonic() + timeout
        while not reached(report := self.report()):
            assert time.monotonic() < deadline, report
            time.sleep(0.01)
        return report

    def _call(self, method: str, order: dict[str, Any] | None) -> dict[str, Any]:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        try:
            connection.request(method, "/_control", json.dumps(order) if order else None)
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return answer


@contextmanager
def running_upstream() -> Iterator[Upstream]:
    """A fake upstream in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.upstream", "--port", "0", "--until-eof"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Upstream(int(process.stdout.readline()))
        finally:
            process.stdin.close()
            process.wait(timeout=10)


@pytest.fixture(scope="session")
def upstream_process() -> Iterator[Upstream]:
    with running_upstream() as upstream:
        yield upstream


@pytest.fixture
def upstream(upstream_process: Upstream, settings: Any) -> Upstream:
    """The fake upstream with no rules and an empty log, on the allow-list."""
    upstream_process.reset()
    settings.OUTBOUND_ALLOWED_HOSTS = [*settings.OUTBOUND_ALLOWED_HOSTS, upstream_process.host]
    return upstream_process
