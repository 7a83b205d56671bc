"""`manage.py up`: start everything, say where to go, keep it running, stop it in order."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from llmplatform.embedded import summary
from llmplatform.embedded.environment import stack_environment
from llmplatform.embedded.layout import (
    ROOT,
    DataFolder,
    Ports,
    StackError,
    is_free,
    kept_secrets,
    read_json,
    write_private_json,
)
from llmplatform.embedded.parts import parts
from llmplatform.embedded.postgres import PRODUCT_SETTINGS
from llmplatform.embedded.processes import ProcessBook, end_left_overs, tail
from llmplatform.embedded.servers import Servers
from llmplatform.embedded.supervisor import Supervisor

DETACHED_START_SECONDS = 300


@dataclass(frozen=True)
class Options:
    data: DataFolder
    ports: Ports
    with_model: bool


def up(options: Options) -> int:
    """Run the stack until Ctrl-C, SIGTERM or a fault; 0 when a person asked for the end."""
    options.data.create()
    with _alone(options.data):
        _clear_the_way(options)
        book = ProcessBook(options.data.processes)
        book.add(name="up", pid=os.getpid())
        _on_signals(_interrupt)
        try:
            faults = _run(options, book)
        except KeyboardInterrupt:
            faults = []
        finally:
            options.data.ready.unlink(missing_ok=True)
            book.clear()
    for fault in faults:
        _say(fault, stream=sys.stderr)
    _say("The stack has stopped.")
    return 1 if faults else 0


def up_detached(options: Options) -> int:
    """Start `up` in the background and return when it is ready, or when it has failed."""
    options.data.create()
    with _alone(options.data):
        pass  # nobody runs here; the child takes the folder for itself
    with options.data.up_log.open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "up", *_arguments(options)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    if _becomes_ready(options.data, child):
        print(summary.text(read_json(options.data.ready)))
        return 0
    child.terminate()
    child.wait()
    _say(f"The stack did not start ({options.data.up_log}):", stream=sys.stderr)
    _say(tail(options.data.up_log, lines=40), stream=sys.stderr)
    return 1


# --- Before --------------------------------------------------------------------------------------
@contextmanager
def _alone(data: DataFolder) -> Iterator[IO[str]]:
    """Hold the folder. A record lock, because forked children do not inherit it: it ends with us,
    even when we are killed and they live on."""
    with data.lock.open("w") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            text = f"already running in {data.path}; `manage.py down` stops it"
            raise StackError(text) from error
        yield file


def _clear_the_way(options: Options) -> None:
    options.data.ready.unlink(missing_ok=True)
    if found := end_left_overs(ProcessBook(options.data.processes)):
        _say(f"Ended what an earlier start left running: {', '.join(found)}")
    # A kill may have torn it, and the probe of beat waits for a new one: some kinds of dbm do not
    # touch a file whose content stays the same.
    for file in options.data.path.glob(f"{options.data.beat_schedule.name}*"):
        file.unlink()
    ports = options.ports
    wanted = [ports.web, ports.gateway, ports.worker_metrics]
    wanted += [ports.chat, ports.embeddings] if options.with_model else []
    wanted += [] if os.environ.get("DATABASE_URL") else [ports.postgres]
    wanted += [] if os.environ.get("REDIS_URL") else [ports.valkey]
    if busy := [str(port) for port in wanted if not is_free(port)]:
        text = f"port {', '.join(busy)} is in use; choose others with `--port-base N`"
        raise StackError(f"{text} (now {ports.base})")


def _interrupt(*_: Any) -> None:
    """Until the supervisor listens, the first signal interrupts the start."""
    _on_signals(signal.SIG_IGN)  # a second one must not cut the shutdown of Postgres short
    raise KeyboardInterrupt


def _on_signals(handler: Any) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


# --- While ---------------------------------------------------------------------------------------
def _run(options: Options, book: ProcessBook) -> list[str]:
    data, ports = options.data, options.ports
    _say("Starting Postgres and Valkey ...")
    servers = Servers(
        folder=data.path,
        logs=data.logs,
        postgres_port=ports.postgres,
        valkey_port=ports.valkey,
        secrets=kept_secrets(data),
        postgres_settings=PRODUCT_SETTINGS,
        durable=True,
        started=lambda name, pid: book.add(name=name, pid=pid),
    )
    with servers:
        environment = _environment(options, servers)
        _prepare(data, environment)
        _say("Starting the product ...")
        supervisor = Supervisor(
            parts=parts(
                ports=ports,
                data=data,
                redis_url=servers.redis_url,
                with_model=options.with_model,
            ),
            servers=servers.running,
            book=book,
            environment=environment,
            on_ready=lambda pids: _announce(options, servers, book, pids),
        )
        faults = supervisor.run()
        _on_signals(signal.SIG_IGN)
    return faults


def _environment(options: Options, servers: Servers) -> dict[str, str]:
    environment = stack_environment(
        ports=options.ports,
        secrets=kept_secrets(options.data),
        static_root=options.data.static,
        database_url=servers.database_url,
        redis_url=servers.redis_url,
        given=dict(os.environ),
    )
    kept = {
        "port_base": options.ports.base,
        "with_model": options.with_model,
        "environment": environment,
    }
    write_private_json(options.data.stack, kept)
    return environment


def _prepare(data: DataFolder, environment: dict[str, str]) -> None:
    _say("Migrating the database and loading the sample data ...")
    log = data.logs / "prepare.log"
    command = ["-m", "llmplatform.embedded.prepare", "--credentials", str(data.credentials)]
    with log.open("wb") as file:
        done = subprocess.run(
            [sys.executable, *command],
            env=os.environ | environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        raise StackError(f"preparing the database failed ({log}):\n{tail(log, lines=40)}")


def _announce(options: Options, servers: Servers, book: ProcessBook, pids: dict[str, int]) -> None:
    own = {name: record.pid for name, record in book.records().items()}
    servers_pids = {server.name: own[server.name] for server in servers.running}
    ready = summary.ready(
        ports=options.ports,
        credentials=options.data.credentials,
        database_url=servers.database_url,
        redis_url=servers.redis_url,
        pids={"up": os.getpid()} | servers_pids | pids,
    )
    write_private_json(options.data.ready, ready)
    _say(summary.text(ready))


# --- Small things --------------------------------------------------------------------------------
def _arguments(options: Options) -> list[str]:
    given = ["--data", str(options.data.path), "--port-base", str(options.ports.base)]
    return given if options.with_model else [*given, "--no-model"]


def _becomes_ready(data: DataFolder, child: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + DETACHED_START_SECONDS
    try:
        while child.poll() is None and time.monotonic() < deadline:
            if data.ready.exists() and read_json(data.ready)["pids"]["up"] == child.pid:
                return True
            time.sleep(0.1)
    except KeyboardInterrupt:
        _say("Interrupted; stopping what was started ...")
    return False


def _say(text: str, *, stream: IO[str] | None = None) -> None:
    print(text, file=stream or sys.stdout, flush=True)
