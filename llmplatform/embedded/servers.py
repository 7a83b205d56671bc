"""Postgres and Valkey of a stack: only those for which the user names no server of his own."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from llmplatform.embedded.layout import Secrets
from llmplatform.embedded.postgres import Postgres
from llmplatform.embedded.valkey import Valkey


class Servers(AbstractContextManager["Servers"]):
    """Starts the servers that are needed on entering, and stops them, Valkey first, on leaving."""

    def __init__(
        self,
        *,
        folder: Path,
        logs: Path,
        postgres_port: int,
        valkey_port: int,
        secrets: Secrets,
        postgres_settings: dict[str, str],
        durable: bool,
        started: Callable[[str, int], None],
    ) -> None:
        postgres = Postgres(
            folder=folder / "postgres",
            log=logs / "postgres.log",
            port=postgres_port,
            password=secrets.database_password,
            settings=postgres_settings,
        )
        valkey = Valkey(
            folder=folder / "valkey",
            log=logs / "valkey.log",
            port=valkey_port,
            password=secrets.valkey_password,
            durable=durable,
        )
        self.database_url = os.environ.get("DATABASE_URL") or postgres.url
        self.redis_url = os.environ.get("REDIS_URL") or valkey.url
        self.running: list[Postgres | Valkey] = []
        if not os.environ.get("DATABASE_URL"):
            self.running.append(postgres)
        if not os.environ.get("REDIS_URL"):
            self.running.append(valkey)
        self._started = started
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack:  # what was started before a failure is stopped again
            for server in self.running:
                self._stack.callback(server.stop)
                self._started(server.name, server.start())
            for server in self.running:
                server.wait_ready()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
