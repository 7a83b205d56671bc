"""The right to make a call for all processes: a lease in Redis, renewed while the call runs.

A leader that dies stops renewing, so another process takes over within `SECONDS`. Without Redis
each process leads for itself.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import TYPE_CHECKING

import structlog

from apps.core.redis import RedisError
from apps.core.redis_wire import wire_of

if TYPE_CHECKING:
    import redis.asyncio

log = structlog.get_logger(__name__)
SECONDS = 4.0
_RENEW_EVERY = SECONDS / 4
_NOT_SHARED = b"not_shared"
_NOT_SHARED_SECONDS = 2.0  # for that long equal requests don't wait for each other

# Only the holder may change a lease. ARGV: token, milliseconds (0: give it back), what to leave.
_CHANGE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if tonumber(ARGV[2]) == 0 then return redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[2])
return 1
"""


class State(StrEnum):
    MINE = "mine"
    THEIRS = "theirs"
    NOT_SHARED = "not_shared"
    """The last leader got an answer that only its own caller may have: each calls for itself."""


class Leases:
    """The leases that one event loop holds."""

    def __init__(self, redis: "redis.asyncio.Redis") -> None:
        self._wire = wire_of(redis)
        self._change = redis.register_script(_CHANGE)

    async def take(self, name: str) -> tuple[State, str]:
        """Whose it is now, and the token if it is ours."""
        token = secrets.token_hex(8)
        try:
            taking = self._wire.send("SET", name, token, "NX", "PX", _ms(SECONDS))
            holder = await self._wire.send("GET", name)
            taken = await taking
        except RedisError as error:
            log.warning("cache_lease_failed", error=str(error))
            return State.MINE, token
        if taken:
            return State.MINE, token
        return (State.NOT_SHARED if holder == _NOT_SHARED else State.THEIRS), ""

    @asynccontextmanager
    async def kept(self, name: str, token: str) -> AsyncIterator["Kept"]:
        """Renew it until the block ends, then give it back."""
        kept = Kept()
        renewing = asyncio.create_task(self._renew(name, token))
        try:
            yield kept
        finally:
            renewing.cancel()
            seconds = 0.0 if kept.shared else _NOT_SHARED_SECONDS
            await self._set(name, token, seconds, _NOT_SHARED)

    async def _renew(self, name: str, token: str) -> None:
        while True:
            await asyncio.sleep(_RENEW_EVERY)
            await self._set(name, token, SECONDS, token.encode())

    async def _set(self, name: str, token: str, seconds: float, value: bytes) -> None:
        try:
            await self._wire.run(self._change, [name], [token, _ms(seconds), value])
        except RedisError as error:
            log.warning("cache_lease_failed", error=str(error))


class Kept:
    """A lease that is held. Clear `shared` when nobody else may have the answer."""

    shared = True


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
