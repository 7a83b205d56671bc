"""`manage.py test`: pytest on a Postgres and a Valkey that live as long as the run."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llmplatform.embedded.environment import stack_environment
from llmplatform.embedded.layout import ROOT, Ports, Secrets, free_port
from llmplatform.embedded.postgres import TEST_SETTINGS, binaries
from llmplatform.embedded.servers import Servers

# More than the two cores, since tests wait for processes that they start and kill; a file's tests
# stay together, so that what they share is made once, in the order of `tests/conftest.py`.
PYTEST_OPTIONS = ["-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"]


def run_tests(arguments: list[str]) -> int:
    """Run pytest with these arguments after ours, and return its exit code."""
    with throw_away_stack() as environment, tempfile.NamedTemporaryFile() as dump:
        url = environment["DATABASE_URL"]
        # Migrated once: for each worker to copy, and for tests that have a server of their own.
        once = {"TEST_DATABASE_TEMPLATE": url.rpartition("/")[2], "TEST_DATABASE_DUMP": dump.name}
        pytest = [sys.executable, "-m", "pytest", *PYTEST_OPTIONS, *arguments]
        return (
            run([sys.executable, "manage.py", "migrate", "-v0"], environment)
            or run([str(binaries() / "pg_dump"), f"--file={dump.name}", url], environment)
            or run(pytest, environment | once)
        )


def run(command: list[str], environment: dict[str, str]) -> int:
    """Run to the end in the stack's environment; when we are told to stop, it is told too."""
    process = subprocess.Popen(command, env=os.environ | environment, cwd=ROOT)
    signal.signal(signal.SIGTERM, lambda number, _: process.send_signal(number))
    signal.signal(signal.SIGINT, lambda *_: None)  # the terminal sends it to the process as well
    try:
        code = process.wait()
    finally:
        _interrupt_on_signals()
    return code if code >= 0 else 128 - code  # ended by a signal: as a shell would say it


def _interrupt_on_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


@contextmanager
def throw_away_stack() -> Iterator[dict[str, str]]:
    """The environment of a database and a broker that are gone afterwards."""
    _interrupt_on_signals()  # so that what was started is stopped
    with tempfile.TemporaryDirectory(prefix="llmplatform-test-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # Postgres may have to enter it as another user
        (folder / "static").mkdir()
        secrets = Secrets.fresh()
        servers = Servers(
            folder=folder,
            logs=folder,
            postgres_port=free_port(),
            valkey_port=free_port(),
            secrets=secrets,
            postgres_settings=TEST_SETTINGS,
            durable=False,
            started=lambda *_: None,
        )
        with servers:
            yield stack_environment(
                ports=Ports(free_port()),
                secrets=secrets,
                static_root=folder / "static",
                database_url=servers.database_url,
                redis_url=servers.redis_url,
                given=dict(os.environ),
            )
