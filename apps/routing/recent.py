"""How long answers took lately: a quantile of a bounded window, exact and cheap.

The nearest-rank method (Hyndman and Fan, “Sample Quantiles in Statistical Packages”, 1996, type 1)
over a sorted list, into which each answer is bisected: some three microseconds a call.
"""

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field

WINDOW = 200  # newest answers; with half as many, one in twenty flickers in and out of the quantile
FEWEST = 20  # answers before anything is said: 95 of 100 needs at least one in twenty
PERCENT = 95


@dataclass(slots=True)
class RecentSeconds:
    """Of one deployment."""

    _newest: deque[float] = field(default_factory=deque)
    _sorted: list[float] = field(default_factory=list)

    def answered(self, seconds: float) -> None:
        """An answer took so long."""
        if len(self._newest) == WINDOW:
            del self._sorted[bisect_left(self._sorted, self._newest.popleft())]
        self._newest.append(seconds)
        insort(self._sorted, seconds)

    def outrun(self, seconds: float) -> None:
        """One would have taken longer than that. It counts where it is certainly above the
        quantile: without those, each hedge would lower the time after which the next is sent."""
        p95 = self.p95
        if p95 is not None and seconds >= p95:
            self.answered(seconds)

    @property
    def p95(self) -> float | None:
        """Seconds in which 95 of 100 answers came; None: too few to say."""
        count = len(self._sorted)
        return self._sorted[-(-PERCENT * count // 100) - 1] if count >= FEWEST else None
