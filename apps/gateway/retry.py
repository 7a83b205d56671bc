"""Which deployment next, and after how long: retries with full jitter, another deployment first.

Source of the back-off: exponential with full jitter (M. Brooker, “Exponential Backoff and Jitter”,
AWS Architecture Blog, 2015).
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from apps.ledger.models import Purpose
from apps.providers.errors import ProviderError
from apps.registry.types import DeploymentFacts

ATTEMPTS = 3  # for each call; more only when a route has more deployments than that
BASE_SECONDS = 0.1
MAX_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Next:
    """The next attempt: where, why, and the seconds to wait before it."""

    deployment: DeploymentFacts
    purpose: Purpose
    delay: float


@dataclass(slots=True)
class Plan:
    """The attempts of one call. Ask `first`, then `after` each failure."""

    candidates: Sequence[DeploymentFacts]
    _tried: list[str] = field(default_factory=list)
    _dead: set[str] = field(default_factory=set)  # cannot answer this request at all
    # Retry-After in seconds. None: it named none, which is not the same as “at once”.
    _asked: dict[str, float | None] = field(default_factory=dict)

    @property
    def attempts(self) -> int:
        return len(self._tried)

    def first(self) -> Next:
        return self._take(self.candidates[0], Purpose.ANSWER, 0)

    def after(self, error: ProviderError, *, remaining: float) -> Next | None:
        """The next attempt, or None: the error is the caller's own, attempts are used up, or the
        wait would not fit into the `remaining` seconds."""
        if not (error.retryable or error.fallback):
            return None
        failed = self._tried[-1]
        if not error.retryable:
            self._dead.add(failed)
        self._asked[failed] = error.retry_after
        if len(self._tried) >= max(ATTEMPTS, len(self.candidates)):
            return None
        return self._fresh() or self._again(remaining)

    def _fresh(self) -> Next | None:
        """A deployment that was not tried yet, at once."""
        for deployment in self.candidates:
            if deployment.slug not in self._tried:
                return self._take(deployment, Purpose.FALLBACK, 0)
        return None

    def _again(self, remaining: float) -> Next | None:
        """One that was tried: the one with the shortest wait, oldest try first. A wait that a
        provider asked for takes the place of ours."""
        living = [d for d in self.candidates if d.slug not in self._dead]
        if not living:
            return None
        ours = self._backoff()
        waits = {slug: ours if asked is None else asked for slug, asked in self._asked.items()}
        last = {slug: index for index, slug in enumerate(self._tried)}
        deployment = min(living, key=lambda d: (waits[d.slug], last[d.slug]))
        delay = waits[deployment.slug]
        if delay >= remaining:
            return None
        same = deployment.slug == self._tried[-1]
        return self._take(deployment, Purpose.RETRY if same else Purpose.FALLBACK, delay)

    def _backoff(self) -> float:
        ceiling = min(MAX_SECONDS, BASE_SECONDS * 2 ** (len(self._tried) - 1))
        return random.uniform(0, ceiling)  # noqa: S311 - jitter is no secret

    def _take(self, deployment: DeploymentFacts, purpose: Purpose, delay: float) -> Next:
        self._tried.append(deployment.slug)
        return Next(deployment, purpose, delay)
