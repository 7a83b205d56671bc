"""The engine in the life of a Celery worker process."""

from typing import Any

import structlog
from celery.exceptions import ImproperlyConfigured
from celery.signals import worker_init, worker_ready, worker_shutdown, worker_shutting_down
from django.conf import settings
from prometheus_client import start_http_server

from apps.jobs.services import doorbell
from apps.jobs.worker.engine import Engine

log = structlog.get_logger(__name__)
_engines: list[Engine] = []  # at most one: that of this process


def engine() -> Engine:
    """The engine of this worker process. Raises `RuntimeError` anywhere else."""
    if not _engines:
        raise RuntimeError("Jobs run in a Celery worker only.")
    return _engines[0]


def _start(sender: Any, **_: Any) -> None:
    pool = sender.pool_cls if isinstance(sender.pool_cls, str) else sender.pool_cls.__module__
    if not pool.endswith(("thread", "threads", "solo")):
        raise ImproperlyConfigured("Start the worker with --pool=threads: its jobs share one loop.")
    new = Engine()
    new.start()
    _engines.append(new)
    if settings.METRICS_PORT:
        # Without a container around it, only this machine may read them.
        address = "127.0.0.1" if settings.EMBEDDED else "0.0.0.0"  # noqa: S104
        start_http_server(settings.METRICS_PORT, addr=address)


def _look_for_work(**_: Any) -> None:
    """Jobs that were accepted while no worker ran have no bell of their own any more."""
    for priority in doorbell.QUEUES:
        doorbell.ring(priority=priority)


def _refuse_work(**_: Any) -> None:
    for running in _engines:
        running.refuse_work()


def _stop(**_: Any) -> None:
    while _engines:
        _engines.pop().stop()


worker_init.connect(_start, weak=False)
worker_ready.connect(_look_for_work, weak=False)
worker_shutting_down.connect(_refuse_work, weak=False)
worker_shutdown.connect(_stop, weak=False)
