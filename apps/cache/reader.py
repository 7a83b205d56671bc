"""Reads answers with their generations, many in one round trip.

What arrives while a read is under way goes together in the next one, equal requests once. So a
burst needs one connection, and each read still begins after its caller came: an invalidation before
that counts.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.cache import generations
from apps.cache.types import Scope
from apps.core.redis import RedisError
from apps.core.redis_wire import wire_of

if TYPE_CHECKING:
    import redis.asyncio


@dataclass(frozen=True, slots=True)
class Wanted:
    """The name of an answer, and its scopes."""

    name: str
    scopes: tuple[Scope, ...]


@dataclass(frozen=True, slots=True)
class Found:
    value: bytes | None
    generations: tuple[str, ...]


_Waiting = dict[Wanted, "asyncio.Future[Found | RedisError]"]


class Reader:
    """One for each event loop."""

    def __init__(self, redis: "redis.asyncio.Redis") -> None:
        self._wire = wire_of(redis)
        self._waiting: _Waiting = {}
        self._running: asyncio.Task[None] | None = None

    async def read(self, wanted: Wanted) -> Found:
        """Makes generations that are missing. Raises `RedisError`."""
        if wanted not in self._waiting:
            self._waiting[wanted] = asyncio.get_running_loop().create_future()
        future = self._waiting[wanted]
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        found = await asyncio.shield(future)  # others wait for it too
        if isinstance(found, RedisError):
            raise found.with_traceback(None)
        return found

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, {}
                await self._land(batch)
        finally:
            self._running = None

    async def _land(self, batch: _Waiting) -> None:
        results: Mapping[Wanted, Found | RedisError]
        try:
            results = await self._read(list(batch))
        except RedisError as error:
            results = dict.fromkeys(batch, error)
        for wanted, future in batch.items():
            future.set_result(results[wanted])

    async def _read(self, batch: list[Wanted]) -> dict[Wanted, Found]:
        asked = [
            self._wire.send("MGET", wanted.name, *map(generations.name_of, wanted.scopes))
            for wanted in batch
        ]
        replies = {wanted: await reply for wanted, reply in zip(batch, asked, strict=True)}
        missing = {
            scope
            for wanted, (_, *known) in replies.items()
            for scope, value in zip(wanted.scopes, known, strict=True)
            if value is None
        }
        made = await generations.make(self._wire, list(missing)) if missing else {}
        return {
            wanted: Found(
                value,
                tuple(
                    found.decode() if found else made[scope]
                    for scope, found in zip(wanted.scopes, known, strict=True)
                ),
            )
            for wanted, (value, *known) in replies.items()
        }
