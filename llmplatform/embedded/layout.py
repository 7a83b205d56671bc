"""Where a stack keeps its files, which ports it takes, and the secrets that it made for itself."""

import json
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_DATA = ROOT / ".local"
DEFAULT_PORT_BASE = 8000


class StackError(Exception):
    """The stack cannot start or go on; the message tells a person what to do."""


@dataclass(frozen=True)
class Ports:
    """All ports of a stack, at fixed distances from one base."""

    base: int

    @property
    def web(self) -> int:
        return self.base

    @property
    def gateway(self) -> int:
        return self.base + 1

    @property
    def worker_metrics(self) -> int:
        return self.base + 2

    @property
    def chat(self) -> int:
        return self.base + 3

    @property
    def embeddings(self) -> int:
        return self.base + 4

    @property
    def postgres(self) -> int:
        return self.base + 5

    @property
    def valkey(self) -> int:
        return self.base + 6


@dataclass(frozen=True)
class DataFolder:
    """The one folder that holds everything a stack remembers."""

    path: Path

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def valkey(self) -> Path:
        return self.path / "valkey"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def static(self) -> Path:
        return self.path / "static"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets.json"

    @property
    def credentials(self) -> Path:
        """Users and service keys of the sample data, written by `load_samples`."""
        return self.path / "credentials.json"

    @property
    def ready(self) -> Path:
        return self.path / "ready.json"

    @property
    def processes(self) -> Path:
        return self.path / "processes.json"

    @property
    def beat_schedule(self) -> Path:
        """What beat remembers; the ending depends on the machine's dbm."""
        return self.path / "beat-schedule"

    @property
    def lock(self) -> Path:
        return self.path / "up.lock"

    @property
    def up_log(self) -> Path:
        return self.logs / "up.log"

    @property
    def stack(self) -> Path:
        """Ports and environment of the stack that runs here, for `status` and Django's commands."""
        return self.path / "stack.json"

    def create(self) -> None:
        # Readable by others as a folder: Postgres may have to run as another user inside it.
        self.path.mkdir(parents=True, exist_ok=True)
        for folder in (self.logs, self.valkey, self.static):
            folder.mkdir(mode=0o700, exist_ok=True)


@dataclass(frozen=True)
class Secrets:
    """Random values made at the first start and kept, so that sessions and API keys stay valid."""

    secret_key: str
    api_key_pepper: str
    database_password: str
    valkey_password: str

    @classmethod
    def fresh(cls) -> "Secrets":
        return cls(*(secrets.token_urlsafe(48) for _ in range(4)))


def kept_secrets(data: DataFolder) -> Secrets:
    """The secrets of this data folder, made now if it has none yet."""
    if data.secrets.exists():
        return Secrets(**read_json(data.secrets))
    made = Secrets.fresh()
    write_private_json(data.secrets, vars(made))
    return made


def read_json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def write_private_json(path: Path, value: object) -> None:
    """Write whole or not at all, readable by the owner only."""
    temporary = path.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(value, file, indent=2)
    temporary.replace(path)


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(following: int = 0) -> int:
    """A port that nobody uses now, as so many `following` ones; asking for them soon is the
    caller's part. From below the range that systems give to outgoing connections (RFC 6335 §6
    has it from 49152, Linux from 32768), so that none of these takes it meanwhile."""
    while True:
        base = secrets.randbelow(15_000) + 15_000
        if all(map(is_free, range(base, base + following + 1))):
            return base
