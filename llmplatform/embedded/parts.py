"""The processes of the product: how each is started, and how it shows that it is ready."""

import shlex
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import kombu.exceptions
import redis
from celery import Celery

from llmplatform.embedded.layout import DataFolder, Ports

PROBE_SECONDS = 3
# `manage.py check` asks what Django checks; it would load every page, which neither of them serves.
CELERY = ("celery", "--quiet", "--skip-checks", "--app=llmplatform")


@dataclass(frozen=True)
class Part:
    """One process under supervision."""

    name: str
    arguments: tuple[str, ...]  # of this Python
    probe: Callable[[], bool]
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def command(self) -> str:
        return f"exec {shlex.join([sys.executable, '-m', *self.arguments])}"


def parts(*, ports: Ports, data: DataFolder, redis_url: str, with_model: bool) -> list[Part]:
    """Everything that `up` starts beside Postgres and Valkey."""
    product = [_web(ports), _gateway(ports), _worker(ports, redis_url), _beat(data)]
    return product + ([_chat(ports), _embeddings(ports)] if with_model else [])


def _web(ports: Ports) -> Part:
    return Part(
        name="web",
        arguments=(
            *_granian("wsgi", ports.web, log_level="error"),
            "--blocking-threads=32",  # twice apps.jobs.selectors.MAX_WAITERS
            "llmplatform.wsgi:application",
        ),
        probe=_answers(ports.web, "/health/ready"),
    )


def _gateway(ports: Ports) -> Part:
    return Part(
        name="gateway",
        arguments=(
            *_granian("asgi", ports.gateway),
            # Open streams, not requests a second: the default of 1024 would refuse the next one.
            *("--backlog=4096", "--backpressure=8192"),
            "llmplatform.asgi:application",
        ),
        probe=_answers(ports.gateway, "/health/ready"),
    )


def _worker(ports: Ports, redis_url: str) -> Part:
    node = f"worker-{ports.base}@{socket.gethostname()}"
    return Part(
        name="worker",
        arguments=(
            *(*CELERY, "worker", f"--hostname={node}"),
            *("--pool=threads", "--concurrency=4", "--queues=high,normal,low,housekeeping"),
            *("--loglevel=INFO", "--without-gossip", "--without-mingle"),
        ),
        probe=lambda: _takes_tasks(node, redis_url),
        environment={
            "METRICS_PORT": str(ports.worker_metrics),
            # Each thread would keep a heap of its own, with what a large file once took.
            "MALLOC_ARENA_MAX": "2",
            # It runs nothing but our own tasks, and their messages are JSON.
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
        },
    )


def _beat(data: DataFolder) -> Part:
    schedule = data.beat_schedule
    return Part(
        name="beat",
        arguments=(
            *(*CELERY, "beat", "--loglevel=WARNING"),
            *(f"--schedule={schedule}", "--pidfile="),
        ),
        probe=lambda: _was_written(schedule),
    )


def _chat(ports: Ports) -> Part:
    return Part(
        name="model",
        arguments=("llmplatform.embedded.chat_server", f"--port={ports.chat}"),
        probe=_answers(ports.chat, "/health"),
    )


def _embeddings(ports: Ports) -> Part:
    server = "llmplatform.embedded.embeddings_server:app"
    return Part(
        name="embeddings",
        arguments=(*_granian("asgi", ports.embeddings), server),
        probe=_answers(ports.embeddings, "/health"),
    )


def _granian(interface: str, port: int, *, log_level: str = "warning") -> tuple[str, ...]:
    return (
        *("granian", f"--interface={interface}", "--host=127.0.0.1", f"--port={port}"),
        *("--no-ws", "--workers-kill-timeout=10", f"--log-level={log_level}"),
    )


# --- Probes --------------------------------------------------------------------------------------
def _answers(port: int, path: str) -> Callable[[], bool]:
    def probe() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PROBE_SECONDS):
                return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    return probe


def _takes_tasks(node: str, redis_url: str) -> bool:
    """Whether the worker answers through the broker, which is the way its tasks come."""
    app = Celery(broker=redis_url, set_as_current=False)
    try:
        return bool(app.control.ping(destination=[node], timeout=1))
    except (kombu.exceptions.OperationalError, redis.RedisError):
        return False
    finally:
        app.close()


def _was_written(schedule: Path) -> bool:
    """Whether beat has made its schedule, which it does as soon as it runs."""
    return any(schedule.parent.glob(f"{schedule.name}*"))  # endings depend on the machine's dbm
