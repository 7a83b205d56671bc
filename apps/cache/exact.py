"""The exact cache: the same request of the same tenant is answered from Redis.

The key covers the tenant and everything that shapes the output, so that no two different requests
share an answer and no tenant sees another's. Redis away means a miss, never an error.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import structlog

from apps.core import strict_json
from apps.core.redis import RedisError

if TYPE_CHECKING:
    import redis.asyncio

log = structlog.get_logger(__name__)
_FORMAT = 1  # part of the key: raise it when the shape of `CachedAnswer` changes


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """An answer as it was given, with what it cost then (pico-USD)."""

    body: Mapping[str, Any]
    text: str
    finish_reason: str
    input_tokens: int
    output_tokens: int
    usage: Mapping[str, int]
    cost_pico: int
    provider: str
    model: str
    deployment: str


def cache_key(*, tenant: str, shape: Mapping[str, Any]) -> str:
    """The Redis key of a request: SHA-256 over the canonical JSON of everything in `shape`."""
    digest = hashlib.sha256(strict_json.canonical([_FORMAT, tenant, shape])).hexdigest()
    return f"answer:{tenant}:{digest}"


class ExactCache:
    """Reads and writes answers. One for each event loop."""

    def __init__(self, redis: "redis.asyncio.Redis", *, ttl_seconds: int) -> None:
        self._redis = redis
        self._ttl = ttl_seconds

    async def get(self, key: str) -> CachedAnswer | None:
        try:
            stored = await self._redis.get(key)
        except RedisError as error:
            log.warning("cache_read_failed", error=str(error))
            return None
        return CachedAnswer(**strict_json.loads(stored)) if isinstance(stored, bytes) else None

    async def put(self, key: str, answer: CachedAnswer) -> None:
        try:
            await self._redis.set(key, strict_json.dumps(asdict(answer)), ex=self._ttl)
        except RedisError as error:
            log.warning("cache_write_failed", error=str(error))
