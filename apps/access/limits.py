"""Rate limits of a tier: requests, tokens and calls at once, exact over all processes.

One Redis call on the way in takes everything or nothing. What a call did not use is given back
after it, off its way, together with others'. A slot is a lease that its process renews, so that a
process that dies frees its slots within `LEASE` seconds.

While Redis is away each process grants its share (a part for each process that Redis last counted);
when it is back, no bucket is fuller than the process knows it to be. It fails towards availability.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog

from apps.access.limit_local import SLOT_RETRY_MS, LocalLimits
from apps.access.limit_scripts import GIVE_BACK, RENEW, TAKE
from apps.access.limit_types import (
    Bucket,
    Demand,
    Grant,
    Level,
    Reply,
    demand_of,
    grant_of,
    slots_key,
)
from apps.access.types import Caller
from apps.core.redis import RedisError
from apps.core.redis_wire import wire_of

if TYPE_CHECKING:
    import redis.asyncio

__all__ = ["Grant", "Level", "RateLimiter"]

log = structlog.get_logger(__name__)

LEASE = 30.0  # seconds; a dead process's slots are free after it
RENEW_EVERY = 10.0
RETRY_REDIS = 1.0  # seconds without a try after Redis failed
FLUSH_AFTER = 0.005  # seconds that returns wait for others
SLOT_POLL = 0.1  # seconds, about, between the tries of a call that waits for a slot
PROCESSES = "limit:processes"


@dataclass(slots=True)
class _Returns:
    """What calls of one service give back: tokens, and their slots."""

    bucket: Bucket | None = None
    tokens: float = 0
    slots: list[str] = field(default_factory=list)


class RateLimiter:
    """Takes tokens for calls. One for each event loop.

    `clock` gives ms on a monotonic clock of this process; `redis_clock` replaces Redis' own.
    """

    def __init__(
        self,
        redis: "redis.asyncio.Redis",
        *,
        clock: Callable[[], float] = lambda: time.monotonic() * 1000,
        redis_clock: Callable[[], int] = lambda: -1,
    ) -> None:
        self._redis = redis
        self._wire = wire_of(redis)
        self._take_script = redis.register_script(TAKE)
        self._return_script = redis.register_script(GIVE_BACK)
        self._renew_script = redis.register_script(RENEW)
        self._clock, self._redis_clock = clock, redis_clock
        self._local = LocalLimits(clock)
        self._id = uuid4().hex
        self._processes = 1
        self._held: defaultdict[str, set[str]] = defaultdict(set)
        self._returns: defaultdict[str, _Returns] = defaultdict(_Returns)
        self._away_until: float | None = None  # ms; None: Redis answers
        self._stale: set[str] = set()  # buckets that Redis has not been told of since it was away
        self._keeper: asyncio.Task[None] | None = None
        self._flusher: asyncio.Task[None] | None = None

    async def take(self, *, caller: Caller, tokens: int, max_wait: float) -> Grant:
        """Take one request, `tokens` tokens and a slot, or nothing. May ask to wait up to
        `max_wait` seconds; for a slot it waits itself."""
        demand = demand_of(caller, tokens=tokens)
        if not demand.buckets and not demand.slots:
            return Grant(True, 0, 0, ())
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())
        until = self._clock() + max_wait * 1000
        while True:
            left = max(0.0, until - self._clock())
            grant = await self._try(demand, left)
            if grant.refused != "concurrent" or left < SLOT_POLL * 1000:
                return grant
            await asyncio.sleep(SLOT_POLL * random.uniform(0.5, 1.5))  # noqa: S311 - no secret

    def give_back(self, grant: Grant, *, tokens: int | None) -> None:
        """The call has ended and used `tokens`; None: nobody knows, all of them stay taken."""
        demand = grant.demand
        if demand is None or not grant.allowed:
            return
        returns = self._returns[demand.service]
        if demand.slots:
            self._held[demand.service].discard(demand.id)
            returns.slots.append(demand.id)
        for bucket in demand.buckets:
            if bucket.name == "tokens" and tokens is not None:
                self._refund(demand, bucket, bucket.taken - tokens, is_local=grant.is_local)
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())

    async def close(self) -> None:
        """Give back what is still to be given back, and leave the count of processes."""
        if self._flusher is not None:
            await self._flusher
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            if self._away_until is None:
                await _quietly(self._redis.zrem(PROCESSES, self._id))

    # --- taking ----------------------------------------------------------------------------------
    async def _try(self, demand: Demand, max_wait: float) -> Grant:
        is_local = self._away_until is not None and self._clock() < self._away_until
        if not is_local:
            try:
                reply = await self._take(demand, max_wait)
            except RedisError as error:
                log.warning("rate_limit_without_redis", error=str(error))
                self._away_until = self._clock() + RETRY_REDIS * 1000
                is_local = True
        if is_local:
            reply = self._take_locally(demand, max_wait)
        if demand.slots and not reply.refused:
            self._held[demand.service].add(demand.id)
        return grant_of(demand, reply, is_local=is_local)

    async def _take(self, demand: Demand, max_wait: float) -> Reply:
        known = {
            k: self._local.level(k, b) for k, b in zip(demand.keys, demand.buckets, strict=True)
        }
        numbers: list[float] = []
        for key, bucket in zip(demand.keys, demand.buckets, strict=True):
            numbers += [bucket.rate, bucket.capacity, bucket.taken, known[key]]
        is_back = not self._stale.isdisjoint(demand.keys)
        head = [self._redis_clock(), LEASE * 1000, max_wait, demand.slots, demand.id, int(is_back)]
        refused, wait, *levels = await self._wire.run(
            self._take_script, [*demand.keys, demand.slots_key], [*head, *numbers]
        )
        self._away_until = None
        self._stale.difference_update(demand.keys)
        names = ["", *(bucket.name for bucket in demand.buckets), "concurrent"]
        if names[refused] == "concurrent":
            wait = SLOT_RETRY_MS
        reply = Reply(float(wait), tuple(level / 1000 for level in levels), names[refused])
        self._local.learn(demand, reply)
        return reply

    def _take_locally(self, demand: Demand, max_wait: float) -> Reply:
        self._stale.update(demand.keys)
        held = len(self._held[demand.service])
        return self._local.take(demand, max_wait=max_wait, processes=self._processes, held=held)

    # --- giving back -----------------------------------------------------------------------------
    def _refund(self, demand: Demand, bucket: Bucket, tokens: float, *, is_local: bool) -> None:
        key = f"limit:{demand.service}:{bucket.name}"
        if is_local:
            self._local.refund(key, bucket, tokens, processes=self._processes)
            return
        self._local.refund(key, bucket, tokens, processes=1)
        returns = self._returns[demand.service]
        returns.bucket, returns.tokens = bucket, returns.tokens + tokens

    async def _flush(self) -> None:
        while self._returns:
            await asyncio.sleep(FLUSH_AFTER)
            taken, self._returns = self._returns, defaultdict(_Returns)
            await asyncio.gather(*(self._return(s, r) for s, r in taken.items()))

    async def _return(self, service: str, returns: _Returns) -> None:
        bucket = returns.bucket or Bucket("tokens", 1, 1, 0)
        keys = [f"limit:{service}:tokens", slots_key(service)]
        head = [self._redis_clock(), LEASE * 1000, returns.tokens, bucket.rate, bucket.capacity]
        await _quietly(self._wire.run(self._return_script, keys, [*head, *returns.slots]))

    # --- leases ----------------------------------------------------------------------------------
    async def _keep(self) -> None:
        """Renew this process's place among the processes and its slots, for ever."""
        while True:
            try:
                self._processes = max(1, await self._renew(PROCESSES, [self._id]))
                for service, ids in list(self._held.items()):
                    if ids:
                        await self._renew(slots_key(service), list(ids))
            except RedisError as error:
                log.warning("leases_not_renewed", error=str(error))
            await asyncio.sleep(RENEW_EVERY)

    async def _renew(self, key: str, members: list[str]) -> int:
        head = [self._redis_clock(), LEASE * 1000]
        return int(await self._wire.run(self._renew_script, [key], [*head, *members]))


async def _quietly(work: Awaitable[object]) -> None:
    """What is lost here heals by itself: slots expire, and tokens flow in again."""
    try:
        await work
    except RedisError as error:
        log.warning("not_given_back", error=str(error))
