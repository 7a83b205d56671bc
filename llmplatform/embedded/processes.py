"""Processes remembered by (pid, start time), so that a later start can tell ours from a stranger.

A pid alone is not enough: after a crash the number may belong to somebody else.
"""

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from llmplatform.embedded.layout import read_json, write_private_json

KEEPER = " (keeper)"  # honcho's own process beside each part


@dataclass(frozen=True)
class ProcessRecord:
    name: str
    pid: int
    create_time: float

    @classmethod
    def of(cls, *, name: str, pid: int) -> "ProcessRecord":
        return cls(name=name, pid=pid, create_time=psutil.Process(pid).create_time())

    def process(self) -> psutil.Process | None:
        """The living process, or None when it ended or its number went to another."""
        try:
            found = psutil.Process(self.pid)
            ours = found.create_time() == self.create_time
            return found if ours and found.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


class ProcessBook:
    """The list of a stack's processes, on disk before anything is done with them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def records(self) -> dict[str, ProcessRecord]:
        if not self._path.exists():
            return {}
        return {name: ProcessRecord(**row) for name, row in read_json(self._path).items()}

    def add(self, *, name: str, pid: int) -> None:
        with suppress(psutil.NoSuchProcess):  # it died at once; whoever waits for it will say so
            records = self.records() | {name: ProcessRecord.of(name=name, pid=pid)}
            write_private_json(self._path, {key: asdict(row) for key, row in records.items()})

    def clear(self) -> None:
        self._path.unlink(missing_ok=True)

    def living(self) -> dict[str, psutil.Process]:
        found = {name: record.process() for name, record in self.records().items()}
        return {name: process for name, process in found.items() if process is not None}


def end_left_overs(book: ProcessBook) -> list[str]:
    """End what a killed stack left running, the database last; the names of what was found."""
    living = book.living()
    postgres = living.pop("postgres", None)
    keepers = [living.pop(name) for name in list(living) if name.endswith(KEEPER)]
    end(list(living.values()))
    end(keepers, grace=1)  # they end with their process, or hang on a pipe that nobody reads
    if postgres is not None:
        postgres.send_signal(signal.SIGINT)  # fast shutdown
        with suppress(psutil.TimeoutExpired):
            postgres.wait(30)
        end([postgres])
    book.clear()
    return [*living, *(["postgres"] if postgres else [])]


def end(processes: list[psutil.Process], *, grace: float = 10.0) -> None:
    """End these processes and all below them: SIGTERM, then SIGKILL after `grace` seconds."""
    family = {process.pid: process for process in processes}
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            family |= {child.pid: child for child in process.children(recursive=True)}
    for process in family.values():
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, alive = psutil.wait_procs(list(family.values()), timeout=grace)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=grace)


def stop(process: subprocess.Popen[bytes], *, by: signal.Signals, timeout: float) -> None:
    """Send the signal that this server takes as a clean stop, and kill it if it does not listen."""
    if process.poll() is None:
        process.send_signal(by)
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def tail(path: Path, *, lines: int = 20) -> str:
    """The last lines of a log file, indented for quoting."""
    if not path.exists():
        return ""
    found = path.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join(f"    {line}" for line in found)
