"""Rate limits: token buckets in Redis, one round trip a call, correct over all processes.

While Redis is away each process keeps buckets of its own with the same limits (it fails towards
availability: at worst every process grants the tier once).
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from apps.access.types import Caller
from apps.core.redis import RedisError

if TYPE_CHECKING:
    import redis.asyncio

log = structlog.get_logger(__name__)

# For each bucket: ARGV holds rate (per second), capacity and amount. A caller that may wait takes
# its tokens at once (the level goes negative) and sleeps until they have flowed in: fair, in order.
# Nothing is taken unless every bucket admits. Returns {wait in ms (-1: refused), retry after in ms,
# then the level of each bucket}.
_SCRIPT = """
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local max_wait = tonumber(ARGV[1])
local levels, wait = {}, 0
for i, key in ipairs(KEYS) do
  local rate, capacity, amount = tonumber(ARGV[i*3-1]), tonumber(ARGV[i*3]), tonumber(ARGV[i*3+1])
  local state = redis.call('HMGET', key, 'level', 'at')
  local level, at = tonumber(state[1]) or capacity, tonumber(state[2]) or now
  level = math.min(capacity, level + math.max(0, now - at) * rate / 1000)
  levels[i] = level
  local missing = math.min(amount, capacity) - level
  if missing > 0 then wait = math.max(wait, math.ceil(missing * 1000 / rate)) end
end
if wait > max_wait then
  local reply = {-1, wait}
  for i, level in ipairs(levels) do reply[i + 2] = math.floor(level) end
  return reply
end
local reply = {wait, 0}
for i, key in ipairs(KEYS) do
  local rate, capacity, amount = tonumber(ARGV[i*3-1]), tonumber(ARGV[i*3]), tonumber(ARGV[i*3+1])
  local level = levels[i] - math.min(amount, capacity)
  redis.call('HSET', key, 'level', level, 'at', now)
  redis.call('PEXPIRE', key, math.ceil((capacity - level) * 1000 / rate) + 1000)
  reply[i + 2] = math.floor(math.max(0, level))
end
return reply
"""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket: `rate` tokens flow in a second, up to `capacity`."""

    name: str
    rate: float
    capacity: float
    amount: float


@dataclass(frozen=True, slots=True)
class Level:
    """Where a bucket stands, for people and headers; full again after `reset` seconds."""

    bucket: str
    limit: int
    remaining: int
    reset: float


@dataclass(frozen=True, slots=True)
class Grant:
    """`allowed` after `wait` seconds; otherwise `retry_after` seconds says when it could be."""

    allowed: bool
    wait: float
    retry_after: float
    levels: tuple[Level, ...]


def buckets_of(caller: Caller, *, tokens: int) -> list[Bucket]:
    """The buckets of the caller's tier; unlimited ones are left out."""
    tier = caller.tier
    buckets = []
    if tier.requests_per_second:
        capacity = max(tier.burst, tier.requests_per_second, 1)
        buckets.append(Bucket("requests", tier.requests_per_second, capacity, 1))
    if tier.tokens_per_minute:
        rate = tier.tokens_per_minute / 60
        buckets.append(Bucket("tokens", rate, tier.tokens_per_minute, tokens))
    return buckets


class RateLimiter:
    """Takes tokens for calls. One for each event loop."""

    def __init__(self, redis: "redis.asyncio.Redis") -> None:
        self._script = redis.register_script(_SCRIPT)
        self._local: dict[str, tuple[float, float]] = {}

    async def take(self, *, caller: Caller, tokens: int, max_wait: float) -> Grant:
        """Take one request and `tokens` tokens, or nothing; may ask to wait up to `max_wait` s."""
        buckets = buckets_of(caller, tokens=tokens)
        if not buckets:
            return Grant(True, 0, 0, ())
        keys = [f"limit:{caller.service}:{bucket.name}" for bucket in buckets]
        numbers = [n for b in buckets for n in (b.rate, b.capacity, b.amount)]
        try:
            reply = await self._script(keys=keys, args=[max_wait * 1000, *numbers])
        except RedisError as error:
            log.warning("rate_limit_without_redis", error=str(error))
            reply = self._take_locally(keys, buckets, max_wait * 1000)
        return _grant(buckets, [float(number) for number in reply])

    def _take_locally(self, keys: list[str], buckets: list[Bucket], max_wait: float) -> list[float]:
        """The script's own steps on this process's memory."""
        now, wait = time.monotonic() * 1000, 0.0
        levels = []
        for key, bucket in zip(keys, buckets, strict=True):
            level, at = self._local.get(key, (bucket.capacity, now))
            level = min(bucket.capacity, level + (now - at) * bucket.rate / 1000)
            missing = min(bucket.amount, bucket.capacity) - level
            wait = max(wait, missing * 1000 / bucket.rate)
            levels.append(level)
        if wait > max_wait:
            return [-1, wait, *levels]
        levels = [v - min(b.amount, b.capacity) for v, b in zip(levels, buckets, strict=True)]
        self._local |= {key: (level, now) for key, level in zip(keys, levels, strict=True)}
        return [wait, 0, *(max(0, level) for level in levels)]


def _grant(buckets: list[Bucket], reply: list[float]) -> Grant:
    wait, retry_after, *levels = reply
    return Grant(
        allowed=wait >= 0,
        wait=max(0, wait) / 1000,
        retry_after=retry_after / 1000,
        levels=tuple(
            Level(b.name, int(b.capacity), int(level), (b.capacity - level) / b.rate)
            for b, level in zip(buckets, levels, strict=True)
        ),
    )
