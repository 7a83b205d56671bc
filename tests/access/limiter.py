"""A limiter on a clock that tests move, and what a token bucket is, in a few lines."""

import asyncio
import itertools
from dataclasses import dataclass, field

from apps.access.limits import RateLimiter
from apps.access.types import Caller, TierLimits
from apps.core.redis import async_client

_numbers = itertools.count(1)


@dataclass
class Clock:
    """Milliseconds; one for all processes of a test."""

    now: int = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now


def caller_with(**limits: int) -> Caller:
    """A service of its own, so that tests need no empty Redis."""
    defaults = {"requests_per_second": 0, "burst": 0, "tokens_per_minute": 0}
    tier = TierLimits(slug="tier", **(defaults | limits))
    return Caller(1, f"limited-{next(_numbers)}", "team", "cc", tier)


def limiter_on(clock: Clock) -> RateLimiter:
    return RateLimiter(async_client(), clock=lambda: float(clock.now), redis_clock=clock)


async def settled(limiter: RateLimiter) -> None:
    """Until everything that was given back has arrived."""
    if limiter._flusher is not None:
        await limiter._flusher


async def close(limiter: RateLimiter) -> None:
    await limiter.close()
    await limiter._redis.aclose()


def run(work):
    return asyncio.run(asyncio.wait_for(work, 60))


@dataclass
class ReferenceBucket:
    """The textbook: tokens flow in at `rate` a second up to `capacity`; a call takes its amount."""

    rate: float
    capacity: float
    level: float = field(init=False)

    def __post_init__(self) -> None:
        self.level = self.capacity

    def flow(self, ms: int) -> None:
        self.level = min(self.capacity, self.level + self.rate * ms / 1000)

    def wait_for(self, amount: float) -> float:
        """In ms."""
        return max(0.0, (min(amount, self.capacity) - self.level) * 1000 / self.rate)
