"""Answers in Redis: JSON, one value for each request of a tenant. Redis away means a miss, never an
error."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import orjson
import structlog

from apps.cache import generations
from apps.cache.keys import with_key
from apps.cache.questions import Questions
from apps.cache.reader import Reader, Wanted
from apps.cache.types import CachedAnswer, CacheRequest, Lookup, Question
from apps.core import strict_json
from apps.core.clock import now as clock_now
from apps.core.redis import RedisError
from apps.core.redis_wire import wire_of

if TYPE_CHECKING:
    import redis.asyncio

log = structlog.get_logger(__name__)

# KEYS: the answer and its generations. ARGV: the value, its seconds, the generations' seconds and
# what they were before the call. A late answer never takes the place of one from after an
# invalidation; and generations outlive what they guard.
_PUT = """
for i = 2, #KEYS do
  if redis.call('GET', KEYS[i]) ~= ARGV[i + 2] then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
for i = 2, #KEYS do redis.call('EXPIRE', KEYS[i], ARGV[3]) end
return 1
"""


@dataclass(frozen=True, slots=True)
class _Stored:
    generations: tuple[str, ...]
    stored_at: float
    answer: CachedAnswer


class AnswerCache:
    """Reads and writes answers. One for each event loop. `max_bytes` bounds one stored answer."""

    def __init__(
        self,
        redis: "redis.asyncio.Redis",
        *,
        max_bytes: int,
        clock: Callable[[], datetime] = clock_now,
    ) -> None:
        self.redis = redis
        self.clock = clock
        self._max_bytes = max_bytes
        self.questions = Questions(redis)
        self._reader = Reader(redis)
        self._wire = wire_of(redis)
        self._put = redis.register_script(_PUT)

    async def look_up(self, request: CacheRequest) -> Lookup:
        """What is stored, if it is still valid. Redis away: nothing, and nothing can be stored."""
        try:
            found = await self._reader.read(Wanted(name_of(request), request.scopes))
        except RedisError as error:
            log.warning("cache_read_failed", error=str(error))
            return Lookup(request)
        current = (str(request.epoch), *found.generations)
        return _judged(request, current, _read(found.value), self.clock())

    def put(self, lookup: Lookup, answer: CachedAnswer) -> None:
        """Store it under the generations of `lookup`, which were read before the call was made: an
        invalidation in between counts. Nobody waits for it; what is asked later finds it."""
        lifetime, generations_then = lookup.request.lifetime, lookup.generations
        if not generations_then or not lifetime.ttl:
            return
        stored_at = self.clock().timestamp()
        value = strict_json.dumps(
            {"generations": generations_then, "stored_at": stored_at, "answer": answer}
        )
        if len(value) > self._max_bytes:
            return
        scopes = [generations.name_of(scope) for scope in lookup.request.scopes]
        seconds = (lifetime.ttl + lifetime.stale, generations.LIFETIME)
        args: list[bytes | str | int] = [
            value,
            *seconds,
            *generations_then[1:],
        ]  # the first is Postgres' own
        self._wire.tell(
            self._put,
            [name_of(lookup.request), *scopes],
            args,
            failed=lambda error: log.warning("cache_write_failed", error=str(error)),
        )
        if lookup.question is not None:
            self.questions.keep(lookup.question, lookup.request.key, seconds=seconds[0])

    async def similar(self, lookup: Lookup, question: Question, at_least: float) -> Lookup:
        """The fresh answer to the most similar question; else `lookup`, with the question under
        which the answer to come will be found."""
        for near in await self.questions.nearest(question, at_least):
            found = await self.look_up(with_key(lookup.request, near.key))
            if found.fresh is not None:
                return replace(found, likeness=near.likeness)
        return replace(lookup, question=question)


def name_of(request: CacheRequest) -> str:
    return f"cache:answer:{request.tenant}:{request.key}"


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
