"""Tells the neighbouring processes once a second how busy and fast deployments are and which rest,
and listens.

One hash in Redis, a field for each process, written and read in one round trip that no call waits
for. Which report is new is told by its counter, not by anybody's clock. While Redis is away nothing
is told; what was heard goes stale, and each process decides by what it sees itself.
"""

import asyncio
import contextlib
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from apps.core import strict_json
from apps.core.clock import now as clock_now
from apps.core.ids import uuid7
from apps.core.redis import RedisError, client
from apps.routing.conditions import ProcessReport, read_report
from apps.routing.health import Health, Told
from apps.routing.loads import Loads, Report

if TYPE_CHECKING:
    import redis.asyncio

log = structlog.get_logger(__name__)
KEY = "routing:loads"
EVERY_SECONDS = 1.0
STOP_SECONDS = 5.0
SILENT_SECONDS = 5.0  # a process that said nothing for so long is not shown
SILENT_ROUNDS = 30  # after so many without news a neighbour's field is removed
_UNREADABLE = (
    strict_json.InvalidJSON,
    KeyError,
    TypeError,
    ValueError,
    IndexError,
    AttributeError,
)


def overheard() -> tuple[Loads, Health]:
    """What all processes said last, for one that runs no calls itself (web). Empty while Redis is
    away."""
    loads, health = Loads(), Health()
    try:
        fields: Any = client().hgetall(KEY)
    except RedisError:
        return loads, health
    for name, value in fields.items():
        said = _read(value)
        loads.hear(name.decode(), Report(said.loads))
        health.hear(said.rests)
    return loads, health


def process_reports() -> list[ProcessReport] | None:
    """What each living process holds of deployments, said at most seconds ago; None while Redis is
    away."""
    try:
        fields: Any = client().hgetall(KEY)
    except RedisError:
        return None
    now, reports = clock_now().timestamp(), []
    for value in fields.values():
        with contextlib.suppress(*_UNREADABLE):
            reports.append(read_report(strict_json.loads(value), now))
    living = [report for report in reports if report.age < SILENT_SECONDS]
    return sorted(living, key=lambda report: report.process)


class Exchange:
    """Runs on the event loop between `start` and `stop`."""

    def __init__(self, *, loads: Loads, health: Health, redis: "redis.asyncio.Redis") -> None:
        self._loads = loads
        self._health = health
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
        mine = strict_json.dumps(
            {
                "n": self._round,
                "loads": self._loads.own_report().loads,
                "rests": self._health.own_report(),
                "process": f"{socket.gethostname()}:{os.getpid()}",
                "at": clock_now().timestamp(),
                "conditions": [c.as_json() for c in self._health.conditions()],
                "places": {s: [*taken] for s, taken in self._health.taken_places().items()},
            }
        )
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
            said = _read(value)
            before, silent = self._counters.get(name, (None, 0))
            self._counters[name] = (said.counter, silent + 1 if said.counter == before else 0)
            if said.counter != before:
                self._loads.hear(name, Report(said.loads))
                self._health.hear(said.rests)


@dataclass(frozen=True, slots=True)
class _Said:
    counter: int
    loads: dict[str, tuple[float, int]]
    rests: dict[str, Told]


def _read(value: bytes) -> _Said:
    """What cannot be read, from an older or newer process, says nothing."""
    try:
        said: Any = strict_json.loads(value)
        loads = {slug: (float(pair[0]), int(pair[1])) for slug, pair in said["loads"].items()}
        rests = {key: _told(*rest) for key, rest in said.get("rests", {}).items()}
        return _Said(int(said["n"]), loads, rests)
    except _UNREADABLE:
        return _Said(-1, {}, {})


def _told(seconds: float, reason: str, order: int = 0) -> Told:
    """A process of the version before knows of no orders."""
    return float(seconds), str(reason), int(order)
