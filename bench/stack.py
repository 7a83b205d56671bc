"""Servers of a benchmark's own: a durable Postgres, a Valkey, and Django set up on them.

Everything lives in a temporary folder and is gone afterwards. `fsync` stays on: a benchmark of
durable accounting on a database that forgets would show nothing.
"""

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def durable_stack(**environment: str) -> Iterator[Path]:
    """A migrated database and a Valkey, named in this process's environment; gives the folder."""
    from llmplatform.embedded.environment import stack_environment
    from llmplatform.embedded.layout import Ports, Secrets, free_port
    from llmplatform.embedded.postgres import PRODUCT_SETTINGS
    from llmplatform.embedded.servers import Servers

    os.environ.pop("DATABASE_URL", None)  # never somebody's own
    os.environ.pop("REDIS_URL", None)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # Postgres may have to enter it as another user
        secrets = Secrets.fresh()
        servers = Servers(
            folder=folder,
            logs=folder,
            postgres_port=free_port(),
            valkey_port=free_port(),
            secrets=secrets,
            postgres_settings=PRODUCT_SETTINGS,
            durable=False,
            started=lambda *_: None,
        )
        with servers:
            os.environ.update(
                stack_environment(
                    ports=Ports(free_port()),
                    secrets=secrets,
                    static_root=folder,
                    database_url=servers.database_url,
                    redis_url=servers.redis_url,
                    given={"LOG_FORMAT": "json"},
                )
                | environment
            )
            _migrate()
            yield folder


def _migrate() -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
        fsync, commit = cursor.fetchone()
    if (fsync, commit) != ("on", "on"):
        raise SystemExit(f"Postgres is not durable: fsync {fsync}, synchronous_commit {commit}.")


@contextmanager
def running(
    arguments: Sequence[str], *, log: Path, port: int, **environment: str
) -> Iterator[psutil.Process]:
    """A process of `python -m …`, from the moment that it answers at `port`."""
    with log.open("ab") as output:
        process = psutil.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_ready(process, f"http://127.0.0.1:{port}/health/live", log)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_until_ready(process: psutil.Popen, url: str, log: Path, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while True:
        if process.poll() is not None or time.monotonic() > until:
            raise SystemExit(f"{url} gave no answer:\n{log.read_text(errors='replace')[-3000:]}")
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except urllib.error.HTTPError:
            return  # it answers, if only that there is nothing here
        except OSError:
            time.sleep(0.05)


def tree(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    """User and system time of these processes, to the kernel's clock tick."""
    return float(sum(sum(process.cpu_times()[:2]) for process in processes))


def pss_mb(processes: Sequence[psutil.Process]) -> float:
    """Memory, with shared pages divided among those who share them."""
    return float(sum(process.memory_full_info().pss for process in processes)) / 1e6


def pin(processes: Sequence[psutil.Process], core: int) -> None:
    """Keep them on one core, where the machine has more than one."""
    if (psutil.cpu_count() or 1) > 1:
        for process in processes:
            process.cpu_affinity([core])
