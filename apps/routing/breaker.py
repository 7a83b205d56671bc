"""A circuit breaker as a pure state machine: every time is passed in, nothing waits or asks.

Closed → open after too many failures; open → half-open when its rest is over; half-open lets a few
probes through, which close it or open it for longer. The numbers are those of resilience4j's and
Hystrix' defaults, made faster for pools that have another deployment to go to.
"""

import random
from dataclasses import dataclass, field
from enum import StrEnum

BUCKETS = 10
HEARSAY_SECONDS = 1.5  # so much later a neighbour hears: two that rest alike keep their own time


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Verdict(StrEnum):
    """What one call says of what it was sent to."""

    GOOD = "good"
    SLOW = "slow"
    FAILED = "failed"
    MISSING = "missing"
    """What it was asked for is not there. Counts in a row only: one request may ask for what nobody
    has, but who answers nothing else has lost its model."""

    @property
    def unanswered(self) -> bool:
        return self in {Verdict.FAILED, Verdict.MISSING}


class Reason(StrEnum):
    """Why something rests."""

    IN_A_ROW = "in_a_row"
    """Nothing but failures: it is dead, not merely bad."""
    FAILURE_RATE = "failure_rate"
    SLOW_RATE = "slow_rate"
    LIMITED = "limited"
    """It answered 429: busy, not broken."""
    CREDENTIAL = "credential"
    """Its credential was refused."""
    FULL = "full"
    """It answers as many calls as it bears. No breaker's reason: the next answer ends it."""

    @property
    def statistical(self) -> bool:
        """It still answers some calls, so a pool may need it."""
        return self in {Reason.FAILURE_RATE, Reason.SLOW_RATE}


@dataclass(frozen=True, slots=True)
class Terms:
    """When a breaker opens and closes; times in seconds."""

    window: float = 30.0
    minimum_calls: int = 20
    in_a_row: int = 5
    failure_rate: float = 0.5
    slow_rate: float = 0.8
    first_rest: float = 5.0
    longest_rest: float = 60.0
    probes: int = 3  # at once
    good_probes: int = 2  # close it; as many bad ones open it again
    jitter: float = 0.2  # of the rest, added at random: processes do not come back together
    reason: Reason = Reason.IN_A_ROW


@dataclass(slots=True)
class _Bucket:
    number: int
    calls: int = 0
    failed: int = 0
    slow: int = 0


@dataclass(slots=True, eq=False)
class Breaker:
    """One subject's health. `now` never goes back."""

    terms: Terms
    rng: random.Random = field(repr=False)
    reason: Reason | None = None  # while open or half-open
    until: float = 0.0  # the rest ends
    since: float = 0.0  # it has been open or half-open
    rests: int = 0  # one after the other without closing
    heard: bool = False  # a neighbour opened it: not ours to tell on
    probing: int = 0  # probes under way
    _in_a_row: int = 0
    _good: int = 0
    _bad: int = 0
    _buckets: list[_Bucket] = field(default_factory=list)

    def state(self, now: float) -> State:
        if self.reason is None:
            return State.CLOSED
        return State.OPEN if now < self.until else State.HALF_OPEN

    def rest(self, now: float) -> float:
        """Seconds until a probe may be sent; 0 unless open."""
        return max(0.0, self.until - now) if self.reason else 0.0

    # --- probes -----------------------------------------------------------------------------------
    def take_probe(self, now: float) -> bool:
        """Whether this call may be one of the probes of a half-open breaker."""
        if self.state(now) is not State.HALF_OPEN or self.probing >= self.terms.probes:
            return False
        self.probing += 1
        return True

    def give_back(self) -> None:
        """The probe has ended, whatever it said."""
        self.probing -= 1

    # --- results ----------------------------------------------------------------------------------
    def record(self, verdict: Verdict, *, now: float, probe: bool = False) -> None:
        """What a call said. Calls that were sent before it opened change nothing afterwards."""
        self._in_a_row = self._in_a_row + 1 if verdict.unanswered else 0
        state = self.state(now)
        if state is State.CLOSED:
            if verdict is not Verdict.MISSING:
                self._count(verdict, now)
            self._open_if_bad(now)
        elif state is State.HALF_OPEN and probe:
            self._judge(verdict, now)
        elif self.reason and self.reason.statistical and self._in_a_row >= self.terms.in_a_row:
            self.reason = self.terms.reason  # a pool's floor let calls through: now it is dead

    def trip(self, reason: Reason, *, now: float) -> None:
        """Open it, for longer than the last time unless it was closed since."""
        length = min(self.terms.longest_rest, self.terms.first_rest * 2.0 ** min(self.rests, 30))
        length += length * self.terms.jitter * self.rng.random()
        self.since = self.since if self.reason else now
        self.reason, self.until, self.heard = reason, now + length, False
        self.rests += 1
        self._good = self._bad = 0

    def hear(self, reason: Reason, seconds: float, *, now: float) -> None:
        """A neighbour lets it rest for `seconds` more."""
        if now + seconds <= self.until + HEARSAY_SECONDS:
            return
        self.rests += self.state(now) is not State.OPEN
        self.since = self.since if self.reason else now
        self.reason, self.until, self.heard = reason, now + seconds, True
        self._good = self._bad = 0

    def close(self) -> None:
        """As if nothing had been. Probes under way still come back."""
        self.reason, self.until, self.heard = None, 0.0, False
        self.rests = self._in_a_row = self._good = self._bad = 0
        self._buckets.clear()

    def counts(self, now: float) -> tuple[int, int, int]:
        """Calls of the window that is watched, those that failed, those slow or failed."""
        oldest = int(now // (self.terms.window / BUCKETS)) - BUCKETS
        lately = [b for b in self._buckets if b.number > oldest]
        return (
            sum(bucket.calls for bucket in lately),
            sum(bucket.failed for bucket in lately),
            sum(bucket.slow for bucket in lately),
        )

    # --- inside -----------------------------------------------------------------------------------
    def _count(self, verdict: Verdict, now: float) -> None:
        number = int(now // (self.terms.window / BUCKETS))
        self._buckets = [b for b in self._buckets if b.number > number - BUCKETS]
        if not self._buckets or self._buckets[-1].number != number:
            self._buckets.append(_Bucket(number))
        bucket = self._buckets[-1]
        bucket.calls += 1
        bucket.failed += verdict is Verdict.FAILED
        bucket.slow += verdict is not Verdict.GOOD  # one that never came was slow as well

    def _open_if_bad(self, now: float) -> None:
        calls, failed, slow = self.counts(now)
        if self._in_a_row >= self.terms.in_a_row:
            self.trip(self.terms.reason, now=now)
        elif calls >= self.terms.minimum_calls and failed >= self.terms.failure_rate * calls:
            self.trip(Reason.FAILURE_RATE, now=now)
        elif calls >= self.terms.minimum_calls and slow >= self.terms.slow_rate * calls:
            self.trip(Reason.SLOW_RATE, now=now)

    def _judge(self, verdict: Verdict, now: float) -> None:
        """A slow probe is as bad as a failed one where slowness opened it."""
        slow_is_bad = self.reason is Reason.SLOW_RATE
        bad = verdict.unanswered or (slow_is_bad and verdict is Verdict.SLOW)
        self._bad += bad
        self._good += not bad
        if self._good >= self.terms.good_probes:
            self.close()
        elif self._bad >= self.terms.good_probes:
            self.trip(self.reason or self.terms.reason, now=now)
