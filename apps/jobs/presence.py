"""Which worker processes are there: each says so every few seconds, in Redis and by its clock.

Only what people are told rests on it; nothing is lost when it is.
"""

import time

from apps.core.ids import uuid7
from apps.core.redis import ask

EVERY_SECONDS = 3.0
SILENT_SECONDS = 15  # a worker that said nothing for so long is not counted
KEY = "jobs:workers"

_SAY = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('EXPIRE', KEYS[1], ARGV[2])
"""
_COUNT = """
local now = tonumber(redis.call('TIME')[1])
return redis.call('ZCOUNT', KEYS[1], now - tonumber(ARGV[1]), '+inf')
"""


class Presence:
    """Of one worker process. Never raises: whether it is seen changes nothing."""

    def __init__(self) -> None:
        self._name = uuid7().hex
        self._next = 0.0

    def say(self) -> None:
        """Call it as often as you like."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY_SECONDS
        ask(lambda redis: redis.eval(_SAY, 1, KEY, self._name, str(SILENT_SECONDS)))

    def leave(self) -> None:
        ask(lambda redis: redis.zrem(KEY, self._name))


def count_workers() -> int | None:
    """Worker processes that spoke lately; None while Redis is away: nobody knows."""
    found = ask(lambda redis: redis.eval(_COUNT, 1, KEY, str(SILENT_SECONDS)))
    return None if found is None else int(found)
