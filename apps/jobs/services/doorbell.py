"""The doorbell: tells workers that a job is due. It may be lost; the sweeper rings again."""

import time

import structlog
from kombu.exceptions import OperationalError
from redis import RedisError

from apps.core.redis import client
from apps.jobs.models import Priority
from llmplatform import celery_app

RING = "jobs.ring"
# One bell stands for all jobs that come before a worker hears it, at most this long.
QUIET_MS = 2_000
# Whoever posts a job waits no longer than this for a silent Redis.
RING_SECONDS = 0.5
# After a failure nobody waits for Redis again for so long; the sweeper rings meanwhile.
PAUSE_SECONDS = 2.0

QUEUES: dict[int, str] = {
    Priority.HIGH: "high",
    Priority.NORMAL: "normal",
    Priority.LOW: "low",
}
log = structlog.get_logger(__name__)


class _Pause:
    """Of this process. A lost update between threads costs one more second of waiting, no more."""

    until = 0.0


_pause = _Pause()


def ring(*, priority: int) -> None:
    """Wake a worker for jobs of `priority`. Never raises for a broker that is away.

    Redis is asked first, and a broker is not tried when Redis is away: callers wait for half a
    second until that is known, and in the next `PAUSE_SECONDS` not at all. After these one caller
    tries, and the others go on without waiting for what comes of it.
    """
    queue = QUEUES[priority]
    if time.monotonic() < _pause.until:
        return
    if _pause.until:
        _pause.until = time.monotonic() + PAUSE_SECONDS
    try:
        if client(RING_SECONDS).set(_flag(queue), 1, nx=True, px=QUIET_MS):
            celery_app.send_task(RING, queue=queue)
        _pause.until = 0.0
    except (RedisError, OperationalError, OSError) as error:
        _pause.until = time.monotonic() + PAUSE_SECONDS
        log.warning("doorbell_failed", queue=queue, error=str(error))


def hear(*, queue: str) -> None:
    """The bell was heard: whoever comes from now on must ring anew. Call it before claiming."""
    try:
        client().delete(_flag(queue))
    except RedisError as error:
        log.warning("doorbell_failed", queue=queue, error=str(error))


def _flag(queue: str) -> str:
    return f"jobs:rung:{queue}"
