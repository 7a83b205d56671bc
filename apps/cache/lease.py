"""The right to make a call for all processes: a lease in Redis, renewed while the call runs.

A leader that dies stops renewing, so another process takes over within `SECONDS`. Without Redis
each process leads for itself.
"""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

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
        self._held: dict[str, str] = {}  # name → token
        self._keeper: asyncio.Task[None] | None = None

    def take(self, name: str) -> "Take":
        """Ask for it, at once: what is sent afterwards is answered afterwards."""
        token = secrets.token_hex(8)
        taking = self._wire.send("SET", name, token, "NX", "PX", _ms(SECONDS))
        return Take(token, taking, self._wire.send("GET", name))

    @contextmanager
    def kept(self, name: str, token: str) -> Iterator["Kept"]:
        """Renew it until the block ends, then give it back."""
        kept = Kept()
        self._held[name] = token
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.create_task(self._keep())
        try:
            yield kept
        finally:
            del self._held[name]
            self._set(name, token, 0.0 if kept.shared else _NOT_SHARED_SECONDS, _NOT_SHARED)

    async def _keep(self) -> None:
        """While there are any."""
        while self._held:
            await asyncio.sleep(_RENEW_EVERY)
            for name, token in self._held.items():
                self._set(name, token, SECONDS, token.encode())

    def _set(self, name: str, token: str, seconds: float, value: bytes) -> None:
        self._wire.tell(self._change, [name], [token, _ms(seconds), value], failed=_lost)


@dataclass(frozen=True, slots=True)
class Take:
    """A lease that was asked for."""

    token: str
    taking: "asyncio.Future[Any]"
    holding: "asyncio.Future[Any]"

    async def result(self) -> tuple[State, str]:
        """Whose it is now, and the token if it is ours."""
        try:
            taken, holder = await self.taking, await self.holding
        except RedisError as error:
            _lost(error)
            return State.MINE, self.token
        if taken:
            return State.MINE, self.token
        return (State.NOT_SHARED if holder == _NOT_SHARED else State.THEIRS), ""


def _lost(error: RedisError) -> None:
    log.warning("cache_lease_failed", error=str(error))


class Kept:
    """A lease that is held. Clear `shared` when nobody else may have the answer."""

    shared = True


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
