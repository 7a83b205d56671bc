"""What rate limits are made of."""

from dataclasses import dataclass, field
from uuid import uuid4

from apps.access.types import Caller


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket: `rate` tokens flow in a second, up to `capacity`; a call takes `amount`."""

    name: str
    rate: float
    capacity: float
    amount: float

    @property
    def taken(self) -> float:
        """A call larger than the bucket takes all of it; it could never be served otherwise."""
        return min(self.amount, self.capacity)


@dataclass(frozen=True, slots=True)
class Demand:
    """What one call asks of its tier. `slots`: calls at once, 0 for any number."""

    service: str
    buckets: tuple[Bucket, ...]
    slots: int
    id: str = field(default_factory=lambda: uuid4().hex)

    @property
    def keys(self) -> list[str]:
        return [f"limit:{self.service}:{bucket.name}" for bucket in self.buckets]

    @property
    def slots_key(self) -> str:
        return slots_key(self.service)


@dataclass(frozen=True, slots=True)
class Level:
    """Where a bucket stands, for people and headers; full again after `reset` seconds."""

    bucket: str
    limit: int
    remaining: int
    reset: float


@dataclass(frozen=True, slots=True)
class Reply:
    """What the buckets said: `wait` in ms before the call may run. `refused` names what had no
    room (a bucket, or `concurrent`); then nothing was taken and `wait` says when it could be."""

    wait: float
    levels: tuple[float, ...]
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """`allowed` after `wait` seconds; otherwise `retry_after` seconds says when it could be, and
    `refused` which limit said no. Give it back to the limiter when the call has ended."""

    allowed: bool
    wait: float
    retry_after: float
    levels: tuple[Level, ...]
    refused: str = ""
    demand: Demand | None = None
    is_local: bool = False


def slots_key(service: str) -> str:
    return f"limit:{service}:slots"


def demand_of(caller: Caller, *, tokens: int) -> Demand:
    """The limits of the caller's tier; unlimited ones are left out."""
    tier = caller.tier
    buckets = []
    if tier.requests_per_second:
        capacity = max(tier.burst, tier.requests_per_second, 1)
        buckets.append(Bucket("requests", tier.requests_per_second, capacity, 1))
    if tier.tokens_per_minute:
        rate = tier.tokens_per_minute / 60
        buckets.append(Bucket("tokens", rate, tier.tokens_per_minute, tokens))
    return Demand(caller.service, tuple(buckets), tier.concurrent_calls)


def grant_of(demand: Demand, reply: Reply, *, is_local: bool) -> Grant:
    wait = reply.wait / 1000
    return Grant(
        allowed=not reply.refused,
        wait=0 if reply.refused else wait,
        retry_after=wait if reply.refused else 0,
        levels=tuple(
            Level(b.name, int(b.capacity), max(0, int(level)), (b.capacity - level) / b.rate)
            for b, level in zip(demand.buckets, reply.levels, strict=True)
        ),
        refused=reply.refused,
        demand=demand,
        is_local=is_local,
    )
