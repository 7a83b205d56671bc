"""Single flight: equal requests that are under way at the same time wait for one call.

Within a process they wait for a future, across processes for a lease in Redis. Who leads makes the
call; the others get its answer. When a leader fails, one of those who waited leads next, so that a
failure neither fails all of them nor sends all of them; after `MAX_LEADERS` failures the last one
is the answer of everyone who still waits. Failures that are about the leader alone don't count.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from apps.cache.answers import AnswerCache
from apps.cache.lease import Leases, State
from apps.cache.types import CachedAnswer, Lookup

MAX_LEADERS = 3
_POLL_FIRST, _POLL_MOST = 0.02, 0.25  # seconds between two looks at another process's lease
T = TypeVar("T")
# Makes the call and stores its answer: the result, and what may be given to others (None: nothing).
Lead = Callable[[], Awaitable[tuple[T, CachedAnswer | None]]]


class WaitedTooLong(Exception):
    """The deadline passed while somebody else's call was under way. Nothing was sent."""


@dataclass(frozen=True, slots=True)
class _Failed:
    error: BaseException
    leaders: int  # that failed so far


class _NotShared:
    """The leader's answer is for its own caller alone."""


_Landing = CachedAnswer | _Failed | _NotShared


@dataclass(slots=True)
class _Flight:
    failed_leaders: int
    landing: "asyncio.Future[_Landing]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Flights(Generic[T]):
    """The calls that are under way on one event loop."""

    def __init__(self, cache: AnswerCache, *, concerns_all: Callable[[Exception], bool]) -> None:
        """`concerns_all`: whether what failed a leader would fail the others as well."""
        self._cache = cache
        self._concerns_all = concerns_all
        self._leases = Leases(cache.redis)
        self._flights: dict[str, _Flight] = {}

    async def answer(
        self, lookup: Lookup, lead: Lead[T], *, remaining: Callable[[], float]
    ) -> T | CachedAnswer:
        """The result of `lead` when this request led, else the answer of the one that did.

        `remaining` are the seconds to the caller's deadline. Raises `WaitedTooLong`, and what
        `lead` raises.
        """
        name, leaders = _name_of(lookup), 0
        while (flight := self._flights.get(name)) is not None:
            landing = await _landing(flight, remaining())
            if isinstance(landing, CachedAnswer):
                return landing
            if isinstance(landing, _NotShared):
                return (await lead())[0]
            leaders = landing.leaders
            if leaders >= MAX_LEADERS:
                raise landing.error.with_traceback(None)
        return await self._fly(name, leaders, lookup, lead, remaining)

    async def _fly(
        self,
        name: str,
        leaders: int,
        lookup: Lookup,
        lead: Lead[T],
        remaining: Callable[[], float],
    ) -> T | CachedAnswer:
        flight = self._flights[name] = _Flight(leaders)
        landing: _Landing = _Failed(WaitedTooLong(), leaders)  # also of a leader that is cancelled
        try:
            result, landing = await self._led(name, lookup, lead, remaining)
        except WaitedTooLong:
            raise
        except Exception as error:
            if self._concerns_all(error):
                landing = _Failed(error, leaders + 1)
            raise
        finally:
            del self._flights[name]
            flight.landing.set_result(landing)
        return result

    async def _led(
        self, name: str, lookup: Lookup, lead: Lead[T], remaining: Callable[[], float]
    ) -> tuple[T | CachedAnswer, _Landing]:
        """For this process: by another process's answer, or by a call of our own."""
        if not lookup.generations:  # Redis is away: nobody to agree with
            result, shared = await lead()
            return result, shared or _NotShared()
        delay = _POLL_FIRST
        while True:
            # Asked together: the leader before us may have stored its answer after we looked.
            take = self._leases.take(name)
            answer = await self._found(lookup)
            state, token = await take.result()
            if state is State.MINE:
                return await self._ours(name, token, answer, lead)
            if answer is not None:
                return answer, answer
            if state is State.NOT_SHARED:
                return (await lead())[0], _NotShared()
            if remaining() <= delay:
                raise WaitedTooLong
            await asyncio.sleep(delay)
            delay = min(_POLL_MOST, delay * 1.5)

    async def _ours(
        self, name: str, token: str, answer: CachedAnswer | None, lead: Lead[T]
    ) -> tuple[T | CachedAnswer, _Landing]:
        with self._leases.kept(name, token) as kept:
            if answer is not None:
                return answer, answer
            result, shared = await lead()
            kept.shared = shared is not None
        return result, shared or _NotShared()

    async def _found(self, lookup: Lookup) -> CachedAnswer | None:
        return (await self._cache.look_up(lookup.request)).fresh


async def _landing(flight: _Flight, seconds: float) -> _Landing:
    try:
        # Shielded: one that stops waiting must not cancel what the others wait for.
        return await asyncio.wait_for(asyncio.shield(flight.landing), max(0, seconds))
    except TimeoutError:
        raise WaitedTooLong from None


def _name_of(lookup: Lookup) -> str:
    """Generations are part of it: after an invalidation nobody joins a call from before it."""
    marks = hashlib.sha256("|".join(lookup.generations).encode()).hexdigest()
    return f"cache:flight:{lookup.request.tenant}:{lookup.request.key}:{marks}"
