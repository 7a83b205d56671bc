"""All processes of a run, on free ports of loopback and in a temporary folder."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from llmplatform.embedded.environment import stack_environment
from llmplatform.embedded.layout import ROOT, Ports, Secrets, free_port
from llmplatform.embedded.postgres import PRODUCT_SETTINGS, Postgres
from llmplatform.embedded.processes import tail
from llmplatform.embedded.valkey import Valkey
from tests.fakes.fixtures import Upstream
from tests.servers import wait_until_ready

START_SECONDS = 180  # a machine with other work starts four processes slowly
LEASE_SECONDS = 4
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
WORKER = (
    *("worker", "--pool=threads", "--concurrency=4", "--queues=high,normal,low,housekeeping"),
    *("--loglevel=INFO", "--without-gossip", "--without-mingle"),
)


class Process:
    """One process of the product, started anew as often as it is needed."""

    def __init__(self, name: str, arguments: list[str], environment: dict[str, str], logs: Path):
        self.name = name
        self.log = logs / f"{name}.log"
        self._command = [sys.executable, "-m", *arguments]
        self._environment = environment
        self.process: subprocess.Popen[bytes] | None = None
        self._launches = 0

    def start(self) -> None:
        self._launches += 1
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,  # of its own, which is killed as a whole
            )

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(timeout=10)

    def end(self) -> None:
        if self.process is not None:
            self.kill()

    def is_ready(self) -> bool:
        """Of a worker: whether it takes tasks, which it says at each start."""
        said = self.log.read_bytes().count(b" ready.") if self.log.exists() else 0
        return said >= self._launches

    def wait_ready(self, *, seconds: float = 90) -> None:
        """Of a worker: until it takes tasks. Raises `RuntimeError` when it does not."""
        until = time.monotonic() + seconds
        while not self.is_ready():
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{self.name} did not start:\n{tail(self.log)}")
            time.sleep(0.05)


class Stack:
    """Postgres (durable), Valkey (forgetful), the upstream, and the product around them."""

    def __init__(
        self, folder: Path, *, seed: int, mutant: str, skew_hours: Sequence[float]
    ) -> None:
        self.folder, self.seed, self.mutant = folder, seed, mutant
        self._skew_hours = skew_hours
        self._secrets = Secrets.fresh()
        self.postgres = Postgres(
            folder=folder / "postgres",
            log=folder / "postgres.log",
            port=free_port(),
            password=self._secrets.database_password,
            settings=PRODUCT_SETTINGS,
        )
        self.valkey = Valkey(
            folder=folder / "valkey",
            log=folder / "valkey.log",
            port=free_port(),
            password=self._secrets.valkey_password,
            durable=False,
        )
        self.web_ports: list[int] = []

    def start_servers(self, stack: ExitStack, *, upstream_options: list[str]) -> None:
        """Postgres, Valkey and the upstream; the environment of the product."""
        for server in (self.postgres, self.valkey):
            stack.callback(server.stop)
            server.start()
        self.upstream = stack.enter_context(_upstream(self.seed, upstream_options))
        self.postgres.wait_ready()
        self.valkey.wait_ready()
        (self.folder / "static").mkdir()
        self.environment = stack_environment(
            ports=Ports(free_port()),
            secrets=self._secrets,
            static_root=self.folder / "static",
            database_url=self.postgres.url,
            redis_url=self.valkey.url,
            given={},
        ) | {
            "OUTBOUND_ALLOWED_HOSTS": self.upstream.host,
            "JOB_LEASE_SECONDS": str(LEASE_SECONDS),
            "PYTHONWARNINGS": "ignore",
            "LOG_FORMAT": "json",  # drawing tracebacks for a person takes seconds in every outage
            "CHAOS_MUTANT": self.mutant,
        }
        os.environ.update(self.environment)

    def start_product(self, stack: ExitStack, *, workers: int = 2) -> None:
        self.web = self.web_process()
        self.workers = [self._worker(number) for number in range(workers)]
        self.beat = self._beat()
        for process in (self.web, *self.workers, self.beat):
            stack.callback(process.end)
            process.start()
        self.wait_for_web(self.web, self.web_ports[-1])
        for worker in self.workers:
            worker.wait_ready()

    def web_process(self) -> Process:
        port = free_port()
        target = "tests.chaos.web:application" if self.mutant else "llmplatform.wsgi:application"
        arguments = ["granian", "--interface=wsgi", "--host=127.0.0.1", f"--port={port}"]
        arguments += ["--no-ws", "--workers-kill-timeout=10", "--log-level=warning"]
        self.web_ports.append(port)
        name = f"web-{len(self.web_ports)}"
        return self._process(name, [*arguments, "--blocking-threads=32", target])

    def gateway_process(self) -> Process:
        port = free_port()
        arguments = ["granian", "--interface=asgi", "--host=127.0.0.1", f"--port={port}"]
        arguments += ["--no-ws", "--workers-kill-timeout=10", "--log-level=warning"]
        self.web_ports.append(port)
        name = f"gateway-{len(self.web_ports)}"
        return self._process(name, [*arguments, "llmplatform.asgi:application"])

    def wait_for_web(self, process: Process, port: int) -> None:
        assert process.process is not None
        try:
            url = f"http://127.0.0.1:{port}/health/ready"
            wait_until_ready(url, process.process, timeout=START_SECONDS)
        except AssertionError as error:
            raise RuntimeError(f"{process.name}: {error}\n{tail(process.log)}") from error

    def _worker(self, number: int) -> Process:
        celery = ["celery", "--quiet", "--skip-checks", "--app=llmplatform"]
        hours = self._skew_hours[number % len(self._skew_hours)]
        ours = ["tests.chaos.entry", "worker", "--quiet"]
        module = ours if self.mutant or hours else celery
        extra = _skewed(hours) if hours else {}
        name = f"worker-{number}"
        return self._process(name, [*module, *WORKER, f"--hostname={name}@chaos"], **extra)

    def _beat(self) -> Process:
        schedule = f"--schedule={self.folder / 'beat'}"
        arguments = ["tests.chaos.entry", "beat", "--quiet", "beat", "--loglevel=WARNING"]
        return self._process("beat", [*arguments, schedule, "--pidfile="])

    def _process(self, name: str, arguments: list[str], **extra: str) -> Process:
        environment = os.environ | self.environment | extra
        return Process(name, arguments, environment, self.folder)


@contextmanager
def stack(
    *, seed: int, mutant: str = "", skew_hours: Sequence[float] = (0,)
) -> Iterator[tuple[Stack, ExitStack]]:
    """A folder and its end: every process that was put on the exit stack has ended by then."""
    with tempfile.TemporaryDirectory(prefix="llmplatform-chaos-") as name, ExitStack() as exits:
        folder = Path(name)
        folder.chmod(0o711)  # Postgres may have to enter it as another user
        yield Stack(folder, seed=seed, mutant=mutant, skew_hours=skew_hours), exits


@contextmanager
def _upstream(seed: int, options: list[str]) -> Iterator[Upstream]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.upstream", "--seed", str(seed), *options],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Upstream(int(process.stdout.readline()))
        finally:
            process.stdin.close()
            process.wait(timeout=10)


def _skewed(hours: float) -> dict[str, str]:
    """The clock of a process is wrong by so much; its monotonic clock is not."""
    if not FAKETIME.exists():
        raise RuntimeError(f"{FAKETIME} is missing: install the package faketime")
    return {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME": f"{hours:+g}h",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
