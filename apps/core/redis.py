"""Redis clients. Everything in Redis may vanish at any time; nothing here is the truth."""

from functools import cache

import redis
import redis.asyncio
from django.conf import settings

# Short timeouts: a hanging Redis must cost a moment, never a stuck call.
_TIMEOUT = 1.0  # seconds
_CONNECT_TIMEOUT = 0.5

RedisError = redis.RedisError


@cache
def client() -> "redis.Redis":
    """The process-wide synchronous client."""
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=_TIMEOUT, socket_connect_timeout=_CONNECT_TIMEOUT
    )


def async_client() -> "redis.asyncio.Redis":
    """A new asynchronous client; one for each event loop."""
    return redis.asyncio.Redis.from_url(
        settings.REDIS_URL,
        max_connections=64,
        socket_timeout=_TIMEOUT,
        socket_connect_timeout=_CONNECT_TIMEOUT,
    )
