"""Processes of the product that are born loaded.

Half of what tests of worker processes cost was that each process imports three thousand modules. A
nursery loads them once, and each order forks a process from it, which then runs the same module
with the same words as its command line would. Nothing but the loading is shared: a nursery opens no
connection, starts no thread and has just one environment, since settings are read as modules load.
That the real command lines start is shown by tests that use them (tests/embedded/test_up.py,
tests/chaos).
"""

import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, NoReturn

ROOT = Path(__file__).resolve().parents[1]
_NOT_OF_A_PROCESS = {"PYTEST_CURRENT_TEST"}  # changes from test to test
_WORDS = 65536  # bytes of an order, at most


class Born:
    """What tests need of a `subprocess.Popen`: one that leads a session of its own."""

    def __init__(self, told: "socket.socket") -> None:
        self._told = told.makefile("r")
        told.close()
        self.pid = int(self._told.readline())
        self.returncode: int | None = None
        self._ended = threading.Event()
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        with self._told:
            self.returncode = int(self._told.readline())
        self._ended.set()

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Its exit status, negative for a signal, as `Popen` gives it."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)


def born(words: list[str], *, environ: dict[str, str], output: IO[bytes]) -> Born:
    """A process that runs `python -m words…` in this environment, loaded already."""
    own = {name: value for name, value in environ.items() if name not in _NOT_OF_A_PROCESS}
    key = tuple(sorted(own.items()))
    if key not in _nurseries:
        _nurseries[key] = _Nursery(key)
    ours, theirs = socket.socketpair()
    with theirs:
        order = json.dumps(words).encode()
        socket.send_fds(_nurseries[key].orders, [order], [output.fileno(), theirs.fileno()])
    return Born(ours)


class _Nursery:
    """Of one environment. It ends when it reads that nobody holds the other end of its socket."""

    def __init__(self, environ: tuple[tuple[str, str], ...]) -> None:
        self.orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.nursery", str(theirs.fileno())],
                cwd=ROOT,
                env=dict(environ),
                pass_fds=[theirs.fileno()],
            )

    def close(self) -> None:
        self.orders.close()
        self._process.wait(timeout=30)


_nurseries: dict[tuple[tuple[str, str], ...], _Nursery] = {}


def close_all() -> None:
    """At the end of all tests."""
    while _nurseries:
        _nurseries.popitem()[1].close()


def main(orders: "socket.socket") -> None:
    _load()
    gc.freeze()  # or the collector would copy in every child what they share
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers need nobody
    while True:
        words, fds, _, _ = socket.recv_fds(orders, _WORDS, 2)
        if not words:
            return
        if os.fork() == 0:
            orders.close()
            _keep(json.loads(words), *fds)
        for fd in fds:
            os.close(fd)


def _load() -> None:
    """All that a worker loads."""
    from llmplatform.celery import app

    app.loader.import_default_modules()
    app.finalize()
    import celery.bin.worker
    import celery.worker.components  # noqa: F401 - strings name it

    assert threading.active_count() == 1, "a thread would be missing in what is forked"


def _keep(words: list[str], output: int, told: int) -> None:
    """Has the child and tells its pid, and how it ended, as its parent alone can know it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.close(told)
        _become(words, output)
    os.close(output)
    with os.fdopen(told, "w") as report:
        print(pid, file=report, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), file=report, flush=True)
    os._exit(0)


def _become(words: list[str], output: int) -> NoReturn:
    """Runs and ends as any Python process does."""
    os.setsid()
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)
    sys.argv = words
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    sys.exit()


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
