"""Real server processes over the test database, for tests that need the outside of the product."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection

from llmplatform.embedded.layout import free_port

ROOT = Path(__file__).resolve().parents[1]


def environment(**extra: str) -> dict[str, str]:
    """This process's environment, pointed at the test database and the tests' settings."""
    db = connection.settings_dict
    url = f"postgres://{db['USER']}:{db['PASSWORD']}@{db['HOST']}:{db['PORT']}/{db['NAME']}"
    return {
        **os.environ,
        "DATABASE_URL": url,
        "REDIS_URL": settings.REDIS_URL,
        "LLMPLATFORM_EMBEDDED": "1",
        "DJANGO_SETTINGS_MODULE": "llmplatform.settings",
        "OUTBOUND_ALLOWED_HOSTS": "127.0.0.1",
        "LOG_FORMAT": "console",
        **extra,
    }


@contextmanager
def served(interface: str, target: str, *, threads: int = 8, **extra: str) -> Iterator[str]:
    """A granian process that serves `target`; its base URL once it is ready."""
    with served_by(interface, target, threads=threads, **extra) as (url, _):
        yield url


@contextmanager
def served_by(
    interface: str, target: str, *, threads: int = 8, options: tuple[str, ...] = (), **extra: str
) -> Iterator[tuple[str, int]]:
    """The same with more of granian's options; the base URL, and the pid of the server."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", interface, "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "1", "--no-ws", *options, target]
    if interface == "wsgi":
        command[-1:-1] = ["--blocking-threads", str(threads)]
    with subprocess.Popen(command, cwd=ROOT, env=environment(**extra)) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_ready(f"{url}/health/live", process)
            yield url, process.pid
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait_until_ready(url: str, process: "subprocess.Popen[bytes]", timeout: float = 60) -> None:
    """Until `url` answers 200; fails at once when the process has ended."""
    deadline = time.monotonic() + timeout
    while True:
        assert process.poll() is None, "the server ended before it was ready"
        assert time.monotonic() < deadline, f"{url} did not answer in {timeout} s"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
