"""Which deployment next, and after how long: retries with full jitter, another deployment first.

Source of the back-off: exponential with full jitter (M. Brooker, “Exponential Backoff and Jitter”,
AWS Architecture Blog, 2015).
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from apps.ledger.models import Purpose
from apps.providers.errors import ErrorKind, ProviderError
from apps.registry.types import DeploymentFacts
from apps.routing.health import Health
from apps.routing.rests import PATIENCE_SECONDS
from apps.routing.types import Need

_NEEDS = {ErrorKind.CONTEXT_TOO_LONG: Need.TOO_LONG, ErrorKind.CONTENT_REFUSED: Need.REFUSED}
ATTEMPTS = 3  # for each call; more only when a route has more deployments than that
BASE_SECONDS = 0.1
MAX_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Next:
    """The next attempt: where, what for, and the seconds to wait before it. `why` it goes there, if
    the route's order does not say it."""

    deployment: DeploymentFacts
    purpose: Purpose
    delay: float
    why: str = ""


@dataclass(slots=True)
class Plan:
    """The attempts of one call. Ask `first`, then `after` each failure."""

    candidates: Sequence[DeploymentFacts]
    health: Health = field(default_factory=Health)
    stand_ins: Mapping[Need, Sequence[DeploymentFacts]] = field(default_factory=dict)
    _tried: list[str] = field(default_factory=list)
    _dead: set[str] = field(default_factory=set)  # cannot answer this request at all
    # Retry-After in seconds. None: it named none, which is not the same as “at once”.
    _asked: dict[str, float | None] = field(default_factory=dict)

    @property
    def attempts(self) -> int:
        return len(self._tried)

    def first(self) -> Next:
        return self._take(self.candidates[0], Purpose.ANSWER, 0)

    def with_room(self, step: Next, *, remaining: float) -> Next:
        """The same step where nobody needs to wait for a place, if there is such a deployment. The
        one that it was meant for may still be tried later."""
        if self.health.has_room(step.deployment) or self._stands_in(step.deployment):
            return step
        for deployment in self.candidates:
            if self._is_new(deployment, remaining) and self.health.has_room(deployment):
                self._tried[-1] = deployment.slug
                purpose = step.purpose if step.purpose is Purpose.ANSWER else Purpose.FALLBACK
                return Next(deployment, purpose, 0)
        return step

    def _stands_in(self, deployment: DeploymentFacts) -> bool:
        """It was called in for what others cannot do: they are no choice, however free."""
        return any(deployment in called for called in self.stand_ins.values())

    def instead(self, *, remaining: float) -> Next | None:
        """For a step whose deployment turned out to rest: nothing was sent to it."""
        self._dead.add(self._tried.pop())
        return self._fresh(remaining)

    def hedge(self, late: Next, *, remaining: float, why: str) -> Next | None:
        """Whom to ask too, because `late` is: somebody else who is well and answers at once. None:
        nobody. One that stands in has no equals; the others cannot do what it was called for."""
        if self._is_over or self._stands_in(late.deployment):
            return None
        for deployment in self.candidates:
            is_well = self.health.rest(deployment) is None and self.health.has_room(deployment)
            if is_well and self._is_new(deployment, remaining):
                return self._take(deployment, Purpose.HEDGE, 0, why)
        return None

    def unsent(self, step: Next) -> None:
        """Nothing was sent there after all; it may still be tried."""
        self._tried.remove(step.deployment.slug)

    def after(
        self,
        error: ProviderError,
        *,
        remaining: float,
        errors: Mapping[str, ProviderError] | None = None,
    ) -> Next | None:
        """The next attempt, or None: the error is the caller's own, attempts are used up, or the
        wait would not fit into the `remaining` seconds. `errors` of all that ran at once, by
        deployment; None: only the newest did."""
        if error.is_final:
            return None
        for failed, each in (errors or {self._tried[-1]: error}).items():
            if not each.retryable:
                self._dead.add(failed)
            self._asked[failed] = each.retry_after
            self._call_in(each.kind)
        return None if self._is_over else self._fresh(remaining) or self._again(remaining)

    @property
    def _is_over(self) -> bool:
        return len(self._tried) >= max(ATTEMPTS, len(self.candidates))

    def _call_in(self, kind: ErrorKind) -> None:
        """Those that the route names for this kind of failure come before all others."""
        need = _NEEDS.get(kind)
        known = {deployment.slug for deployment in self.candidates}
        called = self.stand_ins.get(need, ()) if need else ()
        new = [deployment for deployment in called if deployment.slug not in known]
        self.candidates = (*new, *self.candidates)

    def _fresh(self, remaining: float) -> Next | None:
        """A deployment that was not tried yet, at once."""
        purpose = Purpose.FALLBACK if self._tried else Purpose.ANSWER
        for deployment in self.candidates:
            if self._is_new(deployment, remaining):
                return self._take(deployment, purpose, 0)
        return None

    def _is_new(self, deployment: DeploymentFacts, remaining: float) -> bool:
        """Whether it was not tried yet, and an answer of it can be expected in time."""
        slug = deployment.slug
        if slug in self._tried or slug in self._dead or not self.health.may_send(deployment):
            return False
        return self._has_time(deployment, 0, remaining)

    def _again(self, remaining: float) -> Next | None:
        """One that was tried: the one with the shortest wait, oldest try first."""
        ours = self._backoff()
        waits = {d.slug: wait for d in self.candidates if (wait := self._wait(d, ours)) is not None}
        if not waits:
            return None
        last = {slug: index for index, slug in enumerate(self._tried)}
        slug = min(waits, key=lambda slug: (waits[slug], last[slug]))
        deployment = next(d for d in self.candidates if d.slug == slug)
        if not self._has_time(deployment, waits[slug], remaining):
            return None
        if not self.health.may_retry(deployment):
            return None
        same = slug == self._tried[-1]
        return self._take(deployment, Purpose.RETRY if same else Purpose.FALLBACK, waits[slug])

    def _wait(self, deployment: DeploymentFacts, ours: float) -> float | None:
        """Seconds until it may be tried again; None: not in this call. A wait that the provider
        asked for takes the place of ours. A brief cooldown is waited for, an open breaker is not:
        of a long one the caller is told, who may have something better to do."""
        slug, rest = deployment.slug, self.health.rest(deployment)
        if slug in self._dead or slug not in self._asked:
            return None
        cools = rest is not None and rest.passes_soon
        if not cools and not self.health.may_send(deployment):
            return None
        asked = self._asked[slug]
        wait = ours if asked is None else asked
        if rest is not None and cools:
            wait = max(wait, rest.seconds)
        return wait if wait < PATIENCE_SECONDS else None

    def _has_time(self, deployment: DeploymentFacts, delay: float, remaining: float) -> bool:
        """Whether an answer can be expected before the deadline."""
        return delay + self.health.usual_seconds(deployment) < remaining

    def _backoff(self) -> float:
        ceiling = min(MAX_SECONDS, BASE_SECONDS * 2 ** (len(self._tried) - 1))
        return random.uniform(0, ceiling)  # noqa: S311 - jitter is no secret

    def _take(
        self, deployment: DeploymentFacts, purpose: Purpose, delay: float, why: str = ""
    ) -> Next:
        self._tried.append(deployment.slug)
        return Next(deployment, purpose, delay, why)
