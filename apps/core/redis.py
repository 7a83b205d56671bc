"""Redis clients. Everything in Redis may vanish at any time; nothing here is the truth."""

import time
from collections.abc import Callable
from functools import cache
from typing import TypeVar

import redis
import redis.asyncio
import structlog
from django.conf import settings

# Short timeouts: a hanging Redis must cost a moment, never a stuck call.
TIMEOUT = 1.0  # seconds
_CONNECT_TIMEOUT = 0.5
_QUEUE_TIMEOUT = 3.0  # for one of the connections to become free

# After a failure one caller in so many seconds of `ask` waits for Redis, and no other.
PAUSE_SECONDS = 2.0

RedisError = redis.RedisError
Answer = TypeVar("Answer")
log = structlog.get_logger(__name__)


@cache
def client(timeout: float = TIMEOUT) -> "redis.Redis":
    """The process-wide synchronous client of those who wait for an answer so many seconds."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=timeout,
        socket_connect_timeout=min(timeout, _CONNECT_TIMEOUT),
    )


def async_client() -> "redis.asyncio.Redis":
    """A new asynchronous client; one for each event loop. A burst waits for a connection: without
    one each command would fail as if Redis were away."""
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        settings.REDIS_URL,
        max_connections=64,
        timeout=_QUEUE_TIMEOUT,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=_CONNECT_TIMEOUT,
    )
    return redis.asyncio.Redis.from_pool(pool)


class _Away:
    """Of this process. A lost update between threads costs one more caller a wait, no more."""

    until = 0.0


def ask(command: "Callable[[redis.Redis], Answer]") -> Answer | None:
    """What Redis answers, or None while it is away; for what can be done without.

    Nobody waits longer than half a second, and after a failure one caller every `PAUSE_SECONDS`.
    """
    if time.monotonic() < _Away.until:
        return None
    if _Away.until:  # this caller tries; the others need not wait for what comes of it
        _Away.until = time.monotonic() + PAUSE_SECONDS
    try:
        answer = command(client(_CONNECT_TIMEOUT))
    except (RedisError, OSError) as error:
        _Away.until = time.monotonic() + PAUSE_SECONDS
        log.warning("redis_away", error=str(error))
        return None
    _Away.until = 0.0
    return answer
