"""Which deployments rest, why, and for how long: breakers, cooldowns and credentials in quarantine.

Everything is decided from this process's own memory; `apps.routing.exchange` tells neighbours once
a second what rests here and hears what rests there. While Redis is away each process learns alone.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from apps.registry.types import DeploymentFacts
from apps.routing.breaker import Breaker, Reason, State, Terms, Verdict
from apps.routing.conditions import Condition, PlacesTaken, condition_of
from apps.routing.places import Places
from apps.routing.recent import RecentSeconds
from apps.routing.rests import Rest, Resting, credential_of, rest_of
from apps.routing.retry_budget import RetryBudget, hedge_budget
from apps.routing.types import AttemptResult

COOLDOWN_SECONDS = 1.0  # after a 429 that did not say for how long
FAIR_SECONDS = 1.0  # a time-out before that is the caller's haste, until answers say what is usual
USUAL_WEIGHT = 0.2  # of the newest answer in the usual time
_DEPLOYMENT = Terms()
# A refused credential seldom heals by itself, so its rest is long; one good answer ends it. Where
# only a permission is missing (403), it may be for one request: three without an answer between.
_CREDENTIAL = Terms(
    in_a_row=3,
    minimum_calls=1_000_000,
    first_rest=300.0,
    longest_rest=3600.0,
    probes=1,
    good_probes=1,
    reason=Reason.CREDENTIAL,
)
_VERDICTS = {
    AttemptResult.ANSWERED: Verdict.GOOD,
    AttemptResult.FAILED: Verdict.FAILED,
    AttemptResult.TIMED_OUT: Verdict.FAILED,
    AttemptResult.MISSING: Verdict.MISSING,
}
Told = tuple[float, str, int]  # seconds left, the reason, the newest order that the teller knows
_REFUSED = {AttemptResult.UNAUTHORISED, AttemptResult.FORBIDDEN}


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to send one request; `probes` are the half-open breakers that wait for what it says.
    An `Observer` of that request."""

    health: "Health"
    deployment: DeploymentFacts
    probes: tuple[Breaker, ...] = ()
    cuts: int = 0  # of the deployment's places when it began

    def instead(self, deployment: DeploymentFacts) -> "Permit":
        """The same, if a budget sends the call elsewhere: what it says is no probe's answer."""
        if deployment.slug == self.deployment.slug:
            return self
        return Permit(self.health, deployment, cuts=self.health.places(deployment).cuts)

    def began(self, deployment: DeploymentFacts) -> None:
        """Nothing is counted before the end."""

    def observe(
        self,
        deployment: DeploymentFacts,
        *,
        seconds: float,
        outcome: AttemptResult,
        retry_after: float | None = None,
    ) -> None:
        self.health.ended(self, seconds=seconds, outcome=outcome, retry_after=retry_after)


class Health:
    """One for each event loop; `clock` is monotonic seconds."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        on_rest: Callable[[DeploymentFacts, Rest], None] | None = None,
        on_places: Callable[[str, int], None] | None = None,
    ) -> None:
        """`on_rest` is told of each rest that begins or grows by what was seen here, `on_places`
        of how many calls at once a deployment (slug) may have."""
        self._clock = clock
        self._on_rest = on_rest
        self._on_places = on_places
        self._places: dict[str, Places] = {}
        self._rng = rng or random.Random()  # noqa: S311 - jitter is no secret
        self._breakers: dict[str, Breaker] = {}
        self._limited: dict[str, float] = {}  # deployment → end of its cooldown
        self._limited_elsewhere: dict[str, float] = {}  # the same, as neighbours say
        self._usual: dict[str, float] = {}  # deployment → seconds of an answer
        self._recent: dict[str, RecentSeconds] = {}
        self._budgets: dict[str, RetryBudget] = {}
        self._hedges: dict[str, RetryBudget] = {}
        self._ended: dict[str, int] = {}  # subject → number of the newest order that ended its rest

    # --- what the pipeline asks -------------------------------------------------------------------
    def rest(self, deployment: DeploymentFacts) -> Rest | None:
        """How long nothing may be sent to it; None: it may be called. Takes nothing."""
        now, slug = self._clock(), deployment.slug
        ends = max(self._limited.get(slug, 0.0), self._limited_elsewhere.get(slug, 0.0))
        rests = [Rest(ends - now, Reason.LIMITED)] if ends > now else []
        rests += [rest for breaker in self._of(deployment) if (rest := rest_of(breaker, now))]
        return max(rests, key=lambda rest: rest.seconds, default=None)

    def resting(self, deployments: Iterable[DeploymentFacts]) -> dict[str, Rest]:
        """Those of a pool that rest, by slug. Of those that only statistics blame, at most half of
        the pool rest: what still answers some calls is better than nothing."""
        pool = tuple(deployments)
        rests = {d.slug: rest for d in pool if (rest := self.rest(d))}
        blamed = [slug for slug, rest in rests.items() if rest.reason.statistical]
        blamed.sort(key=lambda slug: rests[slug].seconds, reverse=True)
        dead = len(rests) - len(blamed)
        for slug in blamed[max(0, len(pool) // 2 - dead) :]:
            del rests[slug]
        return rests

    def may_send(self, deployment: DeploymentFacts) -> bool:
        """What rests by statistics alone may be called: `resting` left it in on purpose."""
        rest = self.rest(deployment)
        return rest is None or rest.reason.statistical

    def places(self, deployment: DeploymentFacts) -> Places:
        """Where a call takes its place before it is sent."""
        slug = deployment.slug
        if slug not in self._places:
            told = (partial(self._on_places, slug),) if self._on_places else ()
            self._places[slug] = Places(*told)
        return self._places[slug]

    def has_room(self, deployment: DeploymentFacts) -> bool:
        """Whether a call would get a place there without waiting."""
        places = self._places.get(deployment.slug)
        return places is None or places.has_room

    def usual_seconds(self, deployment: DeploymentFacts) -> float:
        """What an answer takes there; 0 while it is not known."""
        return self._usual.get(deployment.slug, 0.0)

    def may_retry(self, deployment: DeploymentFacts) -> bool:
        """Take a retry from its budget, if one is left."""
        return self._budget(deployment).take(self._clock())

    def late_after(self, deployment: DeploymentFacts) -> float | None:
        """Seconds in which 95 of 100 of its answers came lately; None: too few to say."""
        recent = self._recent.get(deployment.slug)
        return recent.p95 if recent else None

    def may_hedge(self, deployment: DeploymentFacts) -> bool:
        """Take a hedge of a call that is late there from its budget, if one is left."""
        return self._hedge_budget(deployment).take(self._clock())

    @contextmanager
    def permit(self, deployment: DeploymentFacts) -> Iterator[Permit]:
        """Around hold, request and resolution of one attempt. Raises `Resting`."""
        rest = self.rest(deployment)
        if rest is not None and not rest.reason.statistical:
            raise Resting(rest)
        now = self._clock()
        probes = tuple(b for b in self._of(deployment) if b.take_probe(now))
        try:
            yield Permit(self, deployment, probes, self.places(deployment).cuts)
        finally:
            for breaker in probes:
                breaker.give_back()

    # --- what attempts tell -----------------------------------------------------------------------
    def ended(
        self,
        permit: Permit,
        *,
        seconds: float,
        outcome: AttemptResult,
        retry_after: float | None = None,
    ) -> None:
        """How the permitted request ended, after so many seconds."""
        deployment, now = permit.deployment, self._clock()
        self._budget(deployment).call(now)
        self._hedge_budget(deployment).call(now)
        before = self._ends(deployment)
        self._learn_from(permit, seconds, outcome, retry_after, now)
        for reason, end in self._ends(deployment).items():
            if end > max(now, before.get(reason, 0.0)) and self._on_rest is not None:
                self._on_rest(deployment, Rest(end - now, reason))

    def _learn_from(
        self,
        permit: Permit,
        seconds: float,
        outcome: AttemptResult,
        retry_after: float | None,
        now: float,
    ) -> None:
        deployment, places = permit.deployment, self.places(permit.deployment)
        if outcome is AttemptResult.ANSWERED:
            places.answered()
        if outcome is AttemptResult.OUTRUN:
            self._recent_of(deployment.slug).outrun(seconds)
        elif outcome is AttemptResult.LIMITED:
            places.pushed_back(permit.cuts)
            self._cool(deployment.slug, retry_after, now)
        elif outcome in _REFUSED:
            self._refuse(permit, outcome, now)
        elif outcome is AttemptResult.TIMED_OUT and seconds < self._fair(deployment):
            return
        elif outcome in _VERDICTS:
            if outcome is AttemptResult.TIMED_OUT:
                places.pushed_back(permit.cuts)
            self._record(permit, _VERDICTS[outcome], seconds, now)

    def _cool(self, slug: str, retry_after: float | None, now: float) -> None:
        """Never shorter than what stands; an asked 0 is 0."""
        seconds = COOLDOWN_SECONDS if retry_after is None else retry_after
        self._limited[slug] = max(self._limited.get(slug, 0.0), now + seconds)

    def _refuse(self, permit: Permit, outcome: AttemptResult, now: float) -> None:
        breaker = self._breaker(credential_of(permit.deployment), _CREDENTIAL)
        if outcome is AttemptResult.FORBIDDEN or breaker.state(now) is not State.CLOSED:
            breaker.record(Verdict.FAILED, now=now, probe=breaker in permit.probes)
        else:
            breaker.trip(Reason.CREDENTIAL, now=now)

    def _record(self, permit: Permit, verdict: Verdict, seconds: float, now: float) -> None:
        own, credential = self._of(permit.deployment)
        if verdict is Verdict.GOOD:
            self._learn(permit.deployment.slug, seconds)
            credential.record(Verdict.GOOD, now=now, probe=credential in permit.probes)
            is_slow = seconds >= permit.deployment.slow_seconds
            verdict = Verdict.SLOW if is_slow else Verdict.GOOD
        own.record(verdict, now=now, probe=own in permit.probes)

    def _learn(self, slug: str, seconds: float) -> None:
        known = self._usual.get(slug, seconds)
        self._usual[slug] = known + USUAL_WEIGHT * (seconds - known)
        self._recent_of(slug).answered(seconds)

    def _fair(self, deployment: DeploymentFacts) -> float:
        """A time-out earlier than this blames the caller's deadline, not the deployment: or one
        service in a hurry could take it away from all others."""
        usual = self.usual_seconds(deployment)
        return min(deployment.slow_seconds, 2 * usual or FAIR_SECONDS)

    # --- what operators order ---------------------------------------------------------------------
    def end_rests(self, orders: Mapping[str, int]) -> None:
        """Let these rest no longer, nor send them fewer calls at once: subject → number of its
        newest order, followed once. A rest that a neighbour tells of who has not heard of the order
        yet is passed over."""
        for subject, number in orders.items():
            if number <= self._ended.get(subject, 0):
                continue
            self._ended[subject] = number
            kind, _, name = subject.partition(":")
            if kind == "l":
                self._limited.pop(name, None)
                self._limited_elsewhere.pop(name, None)
            elif breaker := self._breakers.get(subject):
                breaker.close()
            if kind == "d" and name in self._places:
                self._places[name].lift()

    # --- what neighbours tell ---------------------------------------------------------------------
    def own_report(self) -> dict[str, Told]:
        """What rests by this process's own experience, by subject."""
        now = self._clock()
        rests = {
            subject: (rest, str(breaker.reason))
            for subject, breaker in self._breakers.items()
            if not breaker.heard and (rest := breaker.rest(now))
        }
        limited = {f"l:{s}": end - now for s, end in self._limited.items() if end > now}
        rests |= {subject: (left, str(Reason.LIMITED)) for subject, left in limited.items()}
        return {key: (*rest, self._ended.get(key, 0)) for key, rest in rests.items()}

    def hear(self, rests: Mapping[str, Told]) -> None:
        """What rests at a neighbour. What no process of this version says is passed over."""
        now = self._clock()
        for subject, (seconds, reason, order) in rests.items():
            kind, _, name = subject.partition(":")
            if order < self._ended.get(subject, 0):
                continue
            if kind == "l":
                ends = max(self._limited_elsewhere.get(name, 0.0), now + seconds)
                self._limited_elsewhere[name] = ends
            elif kind in {"d", "c"} and reason in set(Reason):
                terms = _CREDENTIAL if kind == "c" else _DEPLOYMENT
                self._breaker(subject, terms).hear(Reason(reason), seconds, now=now)

    def conditions(self) -> list[Condition]:
        """What this process holds of each subject that it called lately or lets rest."""
        now = self._clock()
        found = [condition_of(subject, b, now) for subject, b in self._breakers.items()]
        limits = {
            slug: end
            for ends in (self._limited_elsewhere, self._limited)
            for slug, end in ends.items()
            if end > now
        }
        found += [
            Condition(f"l:{slug}", State.OPEN, Reason.LIMITED, None, end - now)
            for slug, end in limits.items()
        ]
        return [condition for condition in found if condition.says_something]

    def taken_places(self) -> dict[str, PlacesTaken]:
        """Of each deployment that has calls under way here or may not have any number of them."""
        return {
            slug: PlacesTaken(places.taken, places.limit, places.waiting)
            for slug, places in self._places.items()
            if places.taken or places.limit is not None
        }

    # --- inside -----------------------------------------------------------------------------------
    def _ends(self, deployment: DeploymentFacts) -> dict[Reason, float]:
        """When each of its rests ends, or ended."""
        ends = {Reason.LIMITED: self._limited.get(deployment.slug, 0.0)}
        return ends | {b.reason: b.until for b in self._of(deployment) if b.reason}

    def _of(self, deployment: DeploymentFacts) -> tuple[Breaker, Breaker]:
        own = self._breaker(f"d:{deployment.slug}", _DEPLOYMENT)
        return own, self._breaker(credential_of(deployment), _CREDENTIAL)

    def _breaker(self, subject: str, terms: Terms) -> Breaker:
        if subject not in self._breakers:
            self._breakers[subject] = Breaker(terms, self._rng)
        return self._breakers[subject]

    def _budget(self, deployment: DeploymentFacts) -> RetryBudget:
        if deployment.slug not in self._budgets:
            self._budgets[deployment.slug] = RetryBudget(self._clock())
        return self._budgets[deployment.slug]

    def _hedge_budget(self, deployment: DeploymentFacts) -> RetryBudget:
        if deployment.slug not in self._hedges:
            self._hedges[deployment.slug] = hedge_budget(self._clock())
        return self._hedges[deployment.slug]

    def _recent_of(self, slug: str) -> RecentSeconds:
        if slug not in self._recent:
            self._recent[slug] = RecentSeconds()
        return self._recent[slug]
