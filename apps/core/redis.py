"""Redis clients. Everything in Redis may vanish at any time; nothing here is the truth."""

from functools import cache

import redis
import redis.asyncio
from django.conf import settings

# Short timeouts: a hanging Redis must cost milliseconds, never a stuck call.
_OPTIONS = {"socket_timeout": 1.0, "socket_connect_timeout": 0.5}

RedisError = redis.RedisError


@cache
def client() -> "redis.Redis":
    """The process-wide synchronous client."""
    return redis.Redis.from_url(settings.REDIS_URL, **_OPTIONS)


def async_client() -> "redis.asyncio.Redis":
    """A new asynchronous client; one for each event loop."""
    return redis.asyncio.Redis.from_url(settings.REDIS_URL, max_connections=64, **_OPTIONS)
