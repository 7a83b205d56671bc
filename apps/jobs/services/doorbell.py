"""The doorbell: tells workers that a job is due. It may be lost; the sweeper rings again."""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import structlog
from kombu.exceptions import OperationalError
from redis import RedisError

from apps.core.redis import client
from apps.jobs.models import Priority
from llmplatform import celery_app

RING = "jobs.ring"
# One bell stands for all jobs that come before a worker hears it, at most this long.
QUIET_MS = 2_000
# A silent Redis is given up after this.
RING_SECONDS = 0.5
# After a failure nobody rings for so long; the sweeper does afterwards.
PAUSE_SECONDS = 2.0

QUEUES: dict[int, str] = {
    Priority.HIGH: "high",
    Priority.NORMAL: "normal",
    Priority.LOW: "low",
}
log = structlog.get_logger(__name__)


class _State:
    """Of this process. A lost update between threads costs one more ring or pause, no more."""

    paused_until = 0.0
    ringing: set[str] = set()  # queues whose ring is on its way


def ring(*, priority: int) -> None:
    """Wake a worker for jobs of `priority`, soon. Waits for nothing and never raises for a broker
    that is away: whoever posts a job has it in the database already."""
    queue = QUEUES[priority]
    if queue not in _State.ringing and time.monotonic() >= _State.paused_until:
        _State.ringing.add(queue)
        _ringer().submit(_ring, queue)


@cache
def _ringer() -> ThreadPoolExecutor:
    """One thread: while it waits for a silent Redis, nobody else does."""
    return ThreadPoolExecutor(1, "doorbell")


def _ring(queue: str) -> None:
    """Redis is asked first, and a broker is not tried when Redis is away."""
    _State.ringing.discard(queue)  # first: whoever comes from now on must ring anew
    try:
        if client(RING_SECONDS).set(_flag(queue), 1, nx=True, px=QUIET_MS):
            celery_app.send_task(RING, queue=queue)
    except (RedisError, OperationalError, OSError) as error:
        _State.paused_until = time.monotonic() + PAUSE_SECONDS
        log.warning("doorbell_failed", queue=queue, error=str(error))


def hear(*, queue: str) -> None:
    """The bell was heard: whoever comes from now on must ring anew. Call it before claiming."""
    try:
        client().delete(_flag(queue))
    except RedisError as error:
        log.warning("doorbell_failed", queue=queue, error=str(error))


def _flag(queue: str) -> str:
    return f"jobs:rung:{queue}"
