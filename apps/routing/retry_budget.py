"""How many retries a deployment bears: a share of its recent calls and a few for quiet times.

A token bucket in the manner of Finagle's `RetryBudget.scala`: each call puts in a share of a token,
time puts in some, each retry takes a whole one. So retries never multiply an overload.
"""

from dataclasses import dataclass

SHARE = 0.1  # tokens for each call
PER_SECOND = 1.0
MOST = 10.0  # tokens that can be saved up


@dataclass(slots=True)
class RetryBudget:
    """Over any time T with N calls at most `MOST + SHARE × N + PER_SECOND × T` retries."""

    at: float
    tokens: float = MOST

    def call(self, now: float) -> None:
        """A call was sent here."""
        self._refill(now)
        self.tokens = min(MOST, self.tokens + SHARE)

    def take(self, now: float) -> bool:
        """Whether a call may be sent here again."""
        self._refill(now)
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def _refill(self, now: float) -> None:
        self.tokens = min(MOST, self.tokens + PER_SECOND * max(0.0, now - self.at))
        self.at = now
