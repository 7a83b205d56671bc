"""Which callers this process refuses when it has more work than it can carry (docs/resilience.md).

Two measures of its own. **Delay**: how late its event loop wakes, for which every step of every
call waits. While that stands, tiers are refused from the least important up, a growing share of
their calls: CoDel's way to tell a standing queue from a burst, AIMD's to find the share that is
just enough (docs/adr/0117). **Room**: calls in flight, against a bound whose last fifth is for the
more important. The most important tier is refused for want of room only.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import structlog

from apps.access.types import TierLimits
from apps.core.clock import steady
from apps.gateway import metrics, refusals

TICK = 0.05  # seconds between two looks at the loop
HIGH, LOW = 0.05, 0.02  # seconds: later refuses more, sooner less, and between nothing changes
UP, DOWN = 10, 1  # per cent of a tier's calls for each look: 0.5 s or more to refuse it, 5 s to end
RESERVED = 20  # per cent of the room that the least important tier cannot take
COME_BACK = 1.0  # seconds, at least

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Rank:
    """Tiers of one importance. Above `level` they are refused, a hundred further on all of them."""

    level: int
    room: int
    owed: int = 0  # hundredths of a refusal: the share is exact, and no dice are thrown


class Shedder:
    """Of one event loop. `most_calls`: in flight at once."""

    def __init__(self, *, most_calls: int, clock: Callable[[], float] = steady) -> None:
        self._most_calls = most_calls
        self._clock = clock
        self._ranks: dict[int, Rank] = {}
        self._top = Rank(0, most_calls)
        self._last_delay = 0.0
        self._watch: asyncio.Task[None] | None = None
        self.level = 0  # hundreds: ranks that are refused; the rest: share of the next, per cent
        self.in_flight = 0

    def rank(self, importances: Iterable[int]) -> None:
        """The configuration changed: `importances` of the tiers of everybody who may call."""
        ordered = sorted(set(importances)) or [0]
        steps = max(1, len(ordered) - 1)
        reserve = self._most_calls * RESERVED // 100
        self._ranks = {
            importance: Rank(100 * index, self._most_calls - reserve * (steps - index) // steps)
            for index, importance in enumerate(ordered)
        }
        self._top = self._ranks[ordered[-1]]
        self._top.room = self._most_calls
        self.level = min(self.level, self._top.level)

    # --- On the way of every call ----------------------------------------------------------------
    def admit(self, tier: TierLimits) -> None:
        """The call takes room until `leave`. Raises `CallRefused`; then it takes none."""
        rank = self._ranks.get(tier.importance, self._top)
        if self.in_flight >= rank.room:
            raise self._refused(tier, "room", COME_BACK)
        if self.level > rank.level:
            share = min(100, self.level - rank.level)
            rank.owed += share
            if rank.owed >= 100:
                rank.owed -= 100
                raise self._refused(tier, "delay", COME_BACK + share * TICK / DOWN)
        self.in_flight += 1

    def leave(self) -> None:
        self.in_flight -= 1

    def keep(self, work: "asyncio.Task[Any]") -> None:
        """Its client has left, and the call goes on: it takes room until then."""
        if not work.done():
            self.in_flight += 1
            work.add_done_callback(lambda _: self.leave())

    def _refused(self, tier: TierLimits, reason: str, retry_after: float) -> Exception:
        metrics.SHED.labels(tier.slug, reason).inc()
        return refusals.overloaded(tier.slug, retry_after)

    # --- The loop's delay ------------------------------------------------------------------------
    def start(self) -> None:
        self._watch = asyncio.create_task(self._look())

    async def stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch

    async def _look(self) -> None:
        while True:
            due = self._clock() + TICK
            await asyncio.sleep(TICK)
            self.saw(self._clock() - due)

    def saw(self, delay: float) -> None:
        """The loop woke `delay` seconds late. What only one look sees (a collection of garbage, a
        large body) is no queue."""
        standing, self._last_delay = min(delay, self._last_delay), delay
        metrics.LOOP_DELAY.set(max(0.0, delay))
        before = self.level
        if standing > HIGH:
            self.level = min(self._top.level, self.level + UP)
        elif standing < LOW:
            self.level = max(0, self.level - DOWN)
        if bool(before) is not bool(self.level):
            log.warning(
                "shedding" if self.level else "shedding_ended",
                delay_ms=int(standing * 1000),
                in_flight=self.in_flight,
            )
