"""The doorbell: tells workers that a job is due. It may be lost; the sweeper rings again."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import structlog
from kombu.exceptions import OperationalError

from apps.core.redis import ask
from apps.jobs.models import Priority
from llmplatform import celery_app

RING = "jobs.ring"
# One bell stands for all jobs that come before a worker hears it, at most this long.
QUIET_MS = 2_000

QUEUES: dict[int, str] = {
    Priority.HIGH: "high",
    Priority.NORMAL: "normal",
    Priority.LOW: "low",
}
log = structlog.get_logger(__name__)


_ringing: set[str] = set()  # queues whose ring is on its way


def ring(*, priority: int) -> None:
    """Wake a worker for jobs of `priority`, soon. Waits for nothing and never raises for a broker
    that is away: whoever posts a job has it in the database already."""
    queue = QUEUES[priority]
    if queue not in _ringing:
        _ringing.add(queue)
        _ringer().submit(_ring, queue)


@cache
def _ringer() -> ThreadPoolExecutor:
    """One thread: while it waits for a silent Redis, nobody else does."""
    return ThreadPoolExecutor(1, "doorbell")


def _ring(queue: str) -> None:
    """Redis is asked first, and a broker is not tried when Redis is away."""
    _ringing.discard(queue)  # first: whoever comes from now on must ring anew
    if not ask(lambda redis: redis.set(_flag(queue), 1, nx=True, px=QUIET_MS)):
        return
    try:
        celery_app.send_task(RING, queue=queue)
    except (OperationalError, OSError) as error:
        log.warning("doorbell_failed", queue=queue, error=str(error))


def hear(*, queue: str) -> None:
    """The bell was heard: whoever comes from now on must ring anew. Call it before claiming."""
    ask(lambda redis: redis.delete(_flag(queue)))


def _flag(queue: str) -> str:
    return f"jobs:rung:{queue}"
