"""The whole product, as `manage.py up` starts it in a folder, for tests that are about something
else than its first start (that is `tests/embedded/test_up.py`)."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llmplatform.embedded.layout import ROOT, DataFolder, free_port, kept_secrets
from llmplatform.embedded.postgres import TEST_SETTINGS, Postgres, binaries

# Where this run keeps its bytecode: to compile everything takes longer than a start.
KEPT = {name: os.environ[name] for name in ("PYTHONPYCACHEPREFIX",) if name in os.environ}


@contextmanager
def stack(folder: Path, *options: str, **environ: str) -> Iterator[None]:
    """It runs in this folder, with these options of `up` and nothing set beside `environ`."""
    if dump := os.environ.get("TEST_DATABASE_DUMP"):
        _fill(DataFolder(folder), dump)
    base = free_port(following=6)
    manage("up", "--detach", f"--port-base={base}", f"--data={folder}", *options, **environ)
    try:
        yield
    finally:
        manage("down", f"--data={folder}")


def manage(*words: str, **environ: str) -> None:
    clean = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": "/"}
    command = [sys.executable, "manage.py", *words]
    subprocess.run(
        command, cwd=ROOT, env=clean | KEPT | environ, check=True, stdout=subprocess.DEVNULL
    )


def environment(data: Path) -> dict[str, str]:
    """Of a command of Django for the stack in this folder."""
    told: dict[str, str] = json.loads((data / "stack.json").read_text())["environment"]
    return KEPT | told


def _fill(data: DataFolder, dump: str) -> None:
    """A folder as an earlier start left it: `up` finds a database whose migrations are done, which
    takes longer than all the rest of a first start."""
    data.create()
    postgres = Postgres(
        folder=data.postgres,
        log=data.logs / "fill.log",
        port=free_port(),
        password=kept_secrets(data).database_password,
        settings=TEST_SETTINGS,
    )
    try:
        postgres.start()
        postgres.wait_ready()
        psql = [binaries() / "psql", "--quiet", "--output=/dev/null", f"--file={dump}"]
        subprocess.run([*psql, postgres.url], check=True)
    finally:
        postgres.stop()
