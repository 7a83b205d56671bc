"""Tells the neighbouring processes once a second how busy and fast deployments are, and listens.

One hash in Redis, a field for each process, written and read in one round trip that no call waits
for. Which report is new is told by its counter, not by anybody's clock. While Redis is away nothing
is told; what was heard goes stale, and each process decides by what it sees itself.
"""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import structlog

from apps.core import strict_json
from apps.core.ids import uuid7
from apps.core.redis import RedisError, client
from apps.routing.loads import Loads, Report

if TYPE_CHECKING:
    import redis.asyncio

log = structlog.get_logger(__name__)
KEY = "routing:loads"
EVERY_SECONDS = 1.0
STOP_SECONDS = 5.0
SILENT_ROUNDS = 30  # after so many without news a neighbour's field is removed


def overheard() -> Loads:
    """What all processes said last, for one that runs no calls itself (web). Empty while Redis is
    away."""
    loads = Loads()
    try:
        fields: Any = client().hgetall(KEY)
    except RedisError:
        return loads
    for name, value in fields.items():
        loads.hear(name.decode(), Report(_read(value)[1]))
    return loads


class Exchange:
    """Runs on the event loop between `start` and `stop`."""

    def __init__(self, *, loads: Loads, redis: "redis.asyncio.Redis") -> None:
        self._loads = loads
        self._redis = redis
        self._process = uuid7().hex
        self._round = 0
        self._counters: dict[str, tuple[int, int]] = {}  # neighbour → its counter, rounds unchanged
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Ends within the client's own time-outs. The round is not cancelled: a client that turns
        a cancellation into an error of its own would let it go on for ever."""
        self._stopping.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=STOP_SECONDS)
            self._task.cancel()
        with contextlib.suppress(RedisError):
            await self._redis.hdel(KEY, self._process)

    async def once(self) -> None:
        """One round. Raises `RedisError`."""
        self._round += 1
        mine = strict_json.dumps({"n": self._round, "loads": self._loads.own_report().loads})
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hset(KEY, self._process, mine)
            pipe.expire(KEY, 60)
            pipe.hgetall(KEY)
            _, _, fields = await pipe.execute()
        self._listen({key.decode(): value for key, value in fields.items()})
        if gone := [name for name, (_, silent) in self._counters.items() if silent > SILENT_ROUNDS]:
            await self._redis.hdel(KEY, *gone)

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                await self.once()
            except RedisError as error:
                log.debug("routing_exchange_failed", error=str(error))
            self._loads.forget_silent()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), EVERY_SECONDS)

    def _listen(self, fields: dict[str, bytes]) -> None:
        theirs = {name: value for name, value in fields.items() if name != self._process}
        self._counters = {n: known for n, known in self._counters.items() if n in theirs}
        for name, value in theirs.items():
            counter, loads = _read(value)
            before, silent = self._counters.get(name, (None, 0))
            self._counters[name] = (counter, silent + 1 if counter == before else 0)
            if counter != before:
                self._loads.hear(name, Report(loads))


def _read(value: bytes) -> tuple[int, dict[str, tuple[float, int]]]:
    """What cannot be read, from an older or newer process, says nothing."""
    try:
        said: Any = strict_json.loads(value)
        loads = {slug: (float(pair[0]), int(pair[1])) for slug, pair in said["loads"].items()}
        return int(said["n"]), loads
    except (strict_json.InvalidJSON, KeyError, TypeError, ValueError, IndexError, AttributeError):
        return -1, {}
