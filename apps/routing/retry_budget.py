"""How many retries, or hedges, a deployment bears: a share of its recent calls and, of retries, a
few for quiet times.

A token bucket in the manner of Finagle's `RetryBudget.scala`: each call puts in a share of a token,
time puts in some, each retry takes a whole one. So retries never multiply an overload.
"""

from dataclasses import dataclass

SHARE = 0.1  # tokens for each call
PER_SECOND = 1.0
MOST = 10.0  # tokens that can be saved up
HEDGES = 0.05  # for each call: a twentieth is what is slower than the 95th percentile


@dataclass(slots=True)
class RetryBudget:
    """Over any time T with N calls at most `MOST + share × N + per_second × T` retries; since it
    was made, at most `share × N` of a budget that began empty and gets nothing from time."""

    at: float
    tokens: float = MOST
    share: float = SHARE
    per_second: float = PER_SECOND

    def call(self, now: float) -> None:
        """A call was sent here."""
        self._refill(now)
        self.tokens = min(MOST, self.tokens + self.share)

    def take(self, now: float) -> bool:
        """Whether a call may be sent here again."""
        self._refill(now)
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def _refill(self, now: float) -> None:
        self.tokens = min(MOST, self.tokens + self.per_second * max(0.0, now - self.at))
        self.at = now


def hedge_budget(now: float) -> RetryBudget:
    """Hedges never have to be: without calls there are none."""
    return RetryBudget(now, tokens=0.0, share=HEDGES, per_second=0.0)
