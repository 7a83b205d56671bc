"""How many calls at once a deployment bears, as its own answers tell this process.

Additive increase, multiplicative decrease, as TCP does it. Nothing is limited until a deployment
answers 429 or not in time; then it gets seven tenths of what it had in flight, and one more each
time that as many answers came as it has places while at least half of them were taken. Whole
numbers and no clock, so that a call pays nearly nothing for it.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from apps.routing.breaker import Reason
from apps.routing.rests import Rest, Resting

KEPT = (7, 10)  # of what was in flight; CUBIC's share (RFC 9438, 4.6): TCP's half is for whole seas
BURST = 10  # calls that may wait even where only one may run
COME_BACK_SECONDS = 1.0


class Full(Resting):
    """All places are taken and no more calls may wait, or the caller's time is over."""

    def __init__(self) -> None:
        super().__init__(Rest(COME_BACK_SECONDS, Reason.FULL))


def _nothing(limit: int) -> None:
    """Nobody wants to know."""


@dataclass(slots=True, eq=False)
class Places:
    """Those of one deployment on one event loop. While a call waits, all places are taken."""

    on_change: Callable[[int], None] = _nothing  # is told the limit, 0: none any more
    taken: int = 0
    limit: int | None = None  # at least 1; None: never pushed back
    cuts: int = 0
    _answers: int = 0  # since the limit changed
    _waiting: deque[asyncio.Future[None]] = field(default_factory=deque)

    @property
    def has_room(self) -> bool:
        return self.limit is None or self.taken < self.limit

    @property
    def most_waiting(self) -> int:
        """As many as may run: the last of them waits about as long as an answer takes."""
        return max(BURST, self.limit or 0)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def take(self, patience: float) -> None:
        """Take a place, if need be after others, within `patience` seconds. Raises `Full`."""
        if self.has_room:
            self.taken += 1
            return
        if patience <= 0 or self.waiting >= self.most_waiting:
            raise Full
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(patience):
                await turn
        except TimeoutError:
            self._give_up(turn)
            raise Full from None
        except asyncio.CancelledError:
            self._give_up(turn)
            raise

    def leave(self) -> None:
        """The call that had the place has ended."""
        self.taken -= 1
        self._wake()

    def lift(self) -> None:
        """An operator's order: nothing is limited until it pushes back again. What is under way
        now says nothing of what comes then."""
        if self.limit is not None:
            self.cuts += 1
            self._set(None)
            self._wake()

    # --- what answers tell ------------------------------------------------------------------------
    def answered(self) -> None:
        """In time. Before the caller leaves its place."""
        if self.limit is None or 2 * self.taken < self.limit:
            return
        self._answers += 1
        if self._answers >= self.limit:
            self._set(self.limit + 1)
            self._wake()

    def pushed_back(self, cuts: int) -> None:
        """429, or no answer in time, to a call that began after so many cuts: what was sent before
        the last one says nothing of what was left by it. A call that was alone met a rate limit,
        which the cooldown heeds: fewer at once than one there are not."""
        if cuts == self.cuts and self.taken > 1:
            self.cuts += 1
            kept, of = KEPT
            self._set(max(1, self.taken * kept // of))

    # --- inside -----------------------------------------------------------------------------------
    def _set(self, limit: int | None) -> None:
        self.limit, self._answers = limit, 0
        self.on_change(limit or 0)

    def _wake(self) -> None:
        while self._waiting and self.has_room:
            turn = self._waiting.popleft()
            if not turn.done():  # else it gave up and has not said so yet
                self.taken += 1
                turn.set_result(None)

    def _give_up(self, turn: "asyncio.Future[None]") -> None:
        if turn.cancelled():
            if turn in self._waiting:
                self._waiting.remove(turn)
        else:  # its turn came at the same moment
            self.leave()
