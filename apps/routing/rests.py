"""What a rest is: how long, why, in words, and what it hangs on."""

import hashlib
import math
from dataclasses import dataclass
from functools import lru_cache

from apps.registry.types import DeploymentFacts
from apps.routing.breaker import Breaker, Reason, State

PATIENCE_SECONDS = 3.0  # a call waits less than this for a deployment that cools down
PROBING_SECONDS = 1.0  # until the probes under way are likely to have said something
WORDS = {
    Reason.IN_A_ROW: "nothing but failures lately",
    Reason.FAILURE_RATE: "too many failures lately",
    Reason.SLOW_RATE: "too slow lately",
    Reason.LIMITED: "it answered that it gets too many requests (429)",
    Reason.CREDENTIAL: "its credential was refused; check the provider’s secret",
    Reason.FULL: "it answers as many calls as it bears, and others wait",
}


@dataclass(frozen=True, slots=True)
class Rest:
    """`seconds` more, because of `reason`."""

    seconds: float
    reason: Reason

    @property
    def passes_soon(self) -> bool:
        """A cooldown: the provider said when it answers again."""
        return self.reason is Reason.LIMITED

    def __str__(self) -> str:
        if self.reason is Reason.FULL:
            return WORDS[self.reason]
        return f"it rests for {max(1, math.ceil(self.seconds))} s more: {WORDS[self.reason]}"


class Resting(Exception):
    """The deployment rests: nothing may be sent to it now."""

    def __init__(self, rest: Rest) -> None:
        super().__init__(str(rest))
        self.rest = rest


def rest_of(breaker: Breaker, now: float) -> Rest | None:
    """A half-open one rests too while its probes are under way."""
    state = breaker.state(now)
    if state is State.CLOSED or breaker.reason is None:
        return None
    if state is State.OPEN:
        return Rest(breaker.rest(now), breaker.reason)
    busy = breaker.probing >= breaker.terms.probes
    return Rest(PROBING_SECONDS, breaker.reason) if busy else None


def credential_of(deployment: DeploymentFacts) -> str:
    """Provider and reference: another reference is another credential, out of quarantine."""
    return _credential(deployment.provider, deployment.secret_ref)


@lru_cache(maxsize=1024)
def _credential(provider: str, secret_ref: str) -> str:
    return f"c:{provider}:{hashlib.sha256(secret_ref.encode()).hexdigest()[:12]}"
