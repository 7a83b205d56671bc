"""Redis clients. Everything in Redis may vanish at any time; nothing here is the truth."""

from functools import cache

import redis
import redis.asyncio
from django.conf import settings

# Short timeouts: a hanging Redis must cost a moment, never a stuck call.
TIMEOUT = 1.0  # seconds
_CONNECT_TIMEOUT = 0.5
_QUEUE_TIMEOUT = 3.0  # for one of the connections to become free

RedisError = redis.RedisError


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
