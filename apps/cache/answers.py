"""Answers in Redis: JSON, one value for each request of a tenant. Redis away means a miss, never an
error."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

import orjson
import structlog

from apps.cache import generations
from apps.cache.types import CachedAnswer, CacheRequest, Lookup
from apps.core import strict_json
from apps.core.redis import RedisError

if TYPE_CHECKING:
    import redis.asyncio

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Stored:
    generations: tuple[str, ...]
    stored_at: float
    answer: CachedAnswer


class AnswerCache:
    """Reads and writes answers. One for each event loop. `max_bytes` bounds one stored answer."""

    def __init__(self, redis: "redis.asyncio.Redis", *, max_bytes: int) -> None:
        self.redis = redis
        self._max_bytes = max_bytes

    async def look_up(self, request: CacheRequest, *, now: datetime) -> Lookup:
        """One round trip; a second one the first time that a scope is seen."""
        names = [generations.name_of(scope) for scope in request.scopes]
        try:
            raw, *found = cast(
                list[bytes | None], await self.redis.mget([name_of(request), *names])
            )
            known = await generations.make_missing(self.redis, request.scopes, found)
        except RedisError as error:
            log.warning("cache_read_failed", error=str(error))
            return Lookup(request)
        current = _with_numbers(known, request)
        return _judged(request, current, _read(raw), now)

    async def put(self, lookup: Lookup, answer: CachedAnswer, *, now: datetime) -> bool:
        """Store it under the generations of `lookup`, which were read before the call was made: an
        invalidation in between counts. Whether it was stored."""
        lifetime = lookup.request.lifetime
        value = strict_json.dumps(
            {
                "generations": lookup.generations,
                "stored_at": now.timestamp(),
                "answer": asdict(answer),
            }
        )
        if not lookup.generations or not lifetime.ttl or len(value) > self._max_bytes:
            return False
        try:
            async with self.redis.pipeline(transaction=False) as pipe:
                pipe.set(name_of(lookup.request), value, ex=lifetime.ttl + lifetime.stale)
                for scope in lookup.request.scopes:  # they outlive what they guard
                    pipe.expire(generations.name_of(scope), generations.LIFETIME)
                await pipe.execute()
        except RedisError as error:
            log.warning("cache_write_failed", error=str(error))
            return False
        return True


def name_of(request: CacheRequest) -> str:
    return f"cache:answer:{request.tenant}:{request.key}"


def _with_numbers(known: Sequence[bytes], request: CacheRequest) -> tuple[str, ...]:
    return tuple(
        f"{value.decode()}.{number}" for value, number in zip(known, request.numbers, strict=True)
    )


def _read(raw: bytes | None) -> _Stored | None:
    if raw is None:
        return None
    try:
        value = orjson.loads(raw)  # our own words: no need to be strict, and it may be large
        return _Stored(
            generations=tuple(value["generations"]),
            stored_at=value["stored_at"],
            answer=CachedAnswer(**value["answer"]),
        )
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        log.warning("cache_value_unreadable", error=str(error))
        return None


def _judged(
    request: CacheRequest, current: tuple[str, ...], stored: _Stored | None, now: datetime
) -> Lookup:
    """By the lifetime of now: a rule that was shortened holds for what is already stored."""
    valid = stored is not None and stored.generations == current
    if stored is None or not valid or not request.accepts(stored.answer):
        return Lookup(request, current)
    age, lifetime = now.timestamp() - stored.stored_at, request.lifetime
    if age < lifetime.ttl:
        return Lookup(request, current, fresh=stored.answer)
    if age < lifetime.ttl + lifetime.stale:
        return Lookup(request, current, stale=stored.answer)
    return Lookup(request, current)
