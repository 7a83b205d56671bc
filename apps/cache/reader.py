"""Reads answers with their generations, in one round trip, and makes those that are missing.

Of equal reads at the same time one asks for all. But nobody takes an answer that was asked for
before he came: an invalidation since then must count.
"""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.cache import generations
from apps.cache.types import Scope
from apps.core.redis import RedisError
from apps.core.redis_wire import wire_of

if TYPE_CHECKING:
    import redis.asyncio

# KEYS: the answer and its generations. ARGV: what a missing generation becomes, and its seconds.
_LOOK = """
local found = redis.call('MGET', unpack(KEYS))
for i = 2, #KEYS do
  if not found[i] then
    redis.call('SET', KEYS[i], ARGV[1], 'EX', ARGV[2])
    found[i] = ARGV[1]
  end
end
return found
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The name of an answer, and its scopes."""

    name: str
    scopes: tuple[Scope, ...]


@dataclass(frozen=True, slots=True)
class Found:
    value: bytes | None
    generations: tuple[str, ...]


# None: whoever asked has gone; somebody else must.
_Reading = asyncio.Future[Found | RedisError | None]


class Reader:
    """One for each event loop."""

    def __init__(self, redis: "redis.asyncio.Redis") -> None:
        self._wire = wire_of(redis)
        self._look = redis.register_script(_LOOK)
        self._under_way: dict[str, _Reading] = {}

    async def read(self, wanted: Wanted) -> Found:
        """Makes generations that are missing. Raises `RedisError`."""
        if (earlier := self._under_way.get(wanted.name)) is not None:
            await asyncio.shield(earlier)
        while (reading := self._under_way.get(wanted.name)) is not None:
            found = await asyncio.shield(reading)
            if isinstance(found, RedisError):
                raise found.with_traceback(None)
            if found is not None:
                return found
        return await self._lead(wanted)

    async def _lead(self, wanted: Wanted) -> Found:
        reading: _Reading = asyncio.get_running_loop().create_future()
        self._under_way[wanted.name] = reading
        result: Found | RedisError | None = None
        try:
            result = await self._ask(wanted)
        except RedisError as error:
            result = error
            raise
        finally:
            del self._under_way[wanted.name]
            reading.set_result(result)
        return result

    async def _ask(self, wanted: Wanted) -> Found:
        keys = [wanted.name, *map(generations.name_of, wanted.scopes)]
        args = [generations.new(), generations.LIFETIME]
        value, *known = await self._wire.run(self._look, keys, args)
        return Found(value, tuple(found.decode() for found in known))
