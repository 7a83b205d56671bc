"""Real worker processes against the test database."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import connection

from tests.nursery import born

WORDS = [
    *("celery", "--quiet", "--skip-checks", "--app=llmplatform", "worker"),
    *("--pool=threads", "--concurrency=4", "--queues=high,normal,low,housekeeping"),
    *("--loglevel=INFO", "--without-gossip", "--without-mingle", "--without-heartbeat"),
]


class Worker:
    """`celery worker` as `manage.py up` starts it, with short leases."""

    def __init__(self, log: Path, **environment: str) -> None:
        self._log = log
        self._environment = environment_of_tests() | environment
        with log.open("ab") as output:
            self.process = born(WORDS, environ=self._environment, output=output)

    def wait_until_ready(self) -> "Worker":
        eventually(lambda: b" ready." in self._log.read_bytes(), self.explain, seconds=40)
        return self

    def kill(self) -> None:
        """SIGKILL, as the kernel does it when memory runs out."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=10)

    def pause(self) -> None:
        """SIGSTOP: it stands still and does not know it."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def terminate(self, *, seconds: float = 60) -> int:
        """SIGTERM, as a deploy does it; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=seconds)

    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def explain(self) -> str:
        return self.output()[-4000:]


def environment_of_tests() -> dict[str, str]:
    """Of a process that works on the test's database, with short leases."""
    return {
        **os.environ,
        "LLMPLATFORM_EMBEDDED": "1",
        "DATABASE_URL": _test_database(),
        "REDIS_URL": settings.REDIS_URL,
        "JOB_LEASE_SECONDS": "3",
        "LOG_FORMAT": "json",
        "PYTHONWARNINGS": "ignore",
    }


def eventually(
    holds: Callable[[], Any], explain: Callable[[], Any] = str, *, seconds: float = 30
) -> None:
    """Wait until `holds`, looking every 50 ms."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not within {seconds} s: {explain()}"
        time.sleep(0.05)


def _test_database() -> str:
    parts = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))
