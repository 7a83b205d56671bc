"""honcho's manager, told when the stack is ready and what to say when a process dies."""

import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import honcho.manager
from honcho.printer import Message, Printer

from llmplatform.embedded.layout import ROOT
from llmplatform.embedded.parts import Part
from llmplatform.embedded.postgres import Postgres
from llmplatform.embedded.processes import KEEPER, ProcessBook, tail
from llmplatform.embedded.valkey import Valkey

READY_SECONDS = 180
STOP_SECONDS = 30  # a worker finishes its running calls
LAST_LINES = 20

# honcho's own five seconds would cut short a worker that drains.
honcho.manager.KILL_WAIT = STOP_SECONDS


class RememberingPrinter(Printer):  # type: ignore[misc]
    """Prints each line behind its process's name, and keeps the last ones of each."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)
        self.last: dict[str, deque[str]] = {}

    def write(self, message: Message) -> None:
        data = message.data
        text = data.decode(errors="replace") if isinstance(data, bytes) else data
        self.last.setdefault(message.name, deque(maxlen=LAST_LINES)).append(text.rstrip())
        super().write(message)

    def tail(self, name: str) -> str:
        return "\n".join(f"    {line}" for line in self.last.get(name, ()))


class Supervisor(honcho.manager.Manager):  # type: ignore[misc]
    """Runs the parts until a signal comes or one of them, or a server below them, ends."""

    def __init__(
        self,
        *,
        parts: list[Part],
        servers: list[Postgres | Valkey],
        book: ProcessBook,
        environment: dict[str, str],
        on_ready: Callable[[dict[str, int]], None],
    ) -> None:
        self.printer = RememberingPrinter()
        super().__init__(self.printer)
        self.faults: list[str] = []
        self._parts = parts
        self._servers = servers
        self._book = book
        self._on_ready = on_ready
        for part in parts:
            environ = os.environ | _look() | environment | part.environment
            self.add_process(part.name, part.command, env=environ, cwd=str(ROOT))

    def run(self) -> list[str]:
        """Block until everything has ended; the faults, none when a person asked for the end."""
        # A closed terminal ends the stack like Ctrl-C does.
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        self.loop()
        return self.faults

    # --- What honcho calls -----------------------------------------------------------------------
    def _start(self) -> None:
        super()._start()
        for name, process in self._processes.items():
            # The process between us and the part; known before the part itself is.
            self._book.add(name=f"{name}{KEEPER}", pid=process["process"].pid)
        threading.Thread(target=self._watch, daemon=True).start()

    def terminate(self) -> None:
        if self._terminating:
            return
        ended = {name: row for name, row in self._processes.items() if "returncode" in row}
        for name, row in ended.items():
            self._fail(f"{name} ended with code {row['returncode']}", self.printer.tail(name))
        timer = threading.Timer(STOP_SECONDS, self.kill)
        timer.daemon = True
        timer.start()
        super().terminate()

    # --- The watch -------------------------------------------------------------------------------
    def _watch(self) -> None:
        pids = self._started()
        for name, pid in pids.items():
            self._book.add(name=name, pid=pid)
        with ThreadPoolExecutor(len(self._parts)) as pool:
            ready = list(pool.map(self._becomes_ready, self._parts))
        if all(ready):
            self._on_ready(pids)
        elif not self._terminating:
            self._give_up([part for part, ok in zip(self._parts, ready, strict=True) if not ok])
        gone: set[str] = set()
        while not self._terminating:
            self._check_servers()
            gone = self._check_parts(gone)
            time.sleep(0.5)

    def _started(self) -> dict[str, int]:
        while not self._all_started():
            time.sleep(0.02)
        return {name: row["pid"] for name, row in self._processes.items()}

    def _becomes_ready(self, part: Part) -> bool:
        deadline = time.monotonic() + READY_SECONDS
        while not self._terminating and time.monotonic() < deadline:
            if part.probe():
                return True
            time.sleep(0.1)
        return False

    def _give_up(self, late: list[Part]) -> None:
        for part in late:
            self._fail(
                f"{part.name} was not ready after {READY_SECONDS} s", self.printer.tail(part.name)
            )
        self._stop_from_outside()

    def _check_servers(self) -> None:
        for server in self._servers:
            if server.process is not None and server.process.poll() is not None:
                text = f"{server.name} ended with code {server.process.returncode}"
                self._fail(text, tail(server.log, lines=LAST_LINES))
                self._stop_from_outside()

    def _check_parts(self, before: set[str]) -> set[str]:
        """The parts that are gone now. honcho does not see it while a child of theirs holds their
        output, such as a server's worker whose master was killed."""
        gone = {part.name for part in self._parts} - self._book.living().keys()
        for name in gone & before if not self._terminating else ():
            self._fail(f"{name} was killed, and left children behind", self.printer.tail(name))
            self._stop_from_outside()
        return gone

    def _fail(self, text: str, last_lines: str) -> None:
        self.faults.append(f"{text}. Its last lines:\n{last_lines}")

    def _stop_from_outside(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)  # honcho listens to signals only
        while not self._terminating:
            time.sleep(0.05)


def _look() -> dict[str, str]:
    """The parts write into a pipe; only we know whether a person reads it in a terminal."""
    return {} if sys.stdout.isatty() else {"NO_COLOR": "1"}
