"""The doorbell: tells workers that a job is due. It may be lost; the sweeper rings again."""

import structlog
from kombu.exceptions import OperationalError
from redis import RedisError

from apps.core.redis import client
from apps.jobs.models import Priority
from llmplatform import celery_app

RING = "jobs.ring"
QUIET_MS = (
    2_000  # one bell stands for all jobs that come before a worker hears it, at most this long
)

QUEUES: dict[int, str] = {
    Priority.HIGH: "high",
    Priority.NORMAL: "normal",
    Priority.LOW: "low",
}
log = structlog.get_logger(__name__)


def ring(*, priority: int) -> None:
    """Wake a worker for jobs of `priority`. Never raises for a broker that is away.

    Takes about a second at most: Redis is asked first, with short timeouts, and a broker is not
    tried when Redis is away.
    """
    queue = QUEUES[priority]
    try:
        if client().set(_flag(queue), 1, nx=True, px=QUIET_MS):
            celery_app.send_task(RING, queue=queue)
    except (RedisError, OperationalError, OSError) as error:
        log.warning("doorbell_failed", queue=queue, error=str(error))


def hear(*, queue: str) -> None:
    """The bell was heard: whoever comes from now on must ring anew. Call it before claiming."""
    try:
        client().delete(_flag(queue))
    except RedisError as error:
        log.warning("doorbell_failed", queue=queue, error=str(error))


def _flag(queue: str) -> str:
    return f"jobs:rung:{queue}"
