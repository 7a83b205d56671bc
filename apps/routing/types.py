"""Routes, decisions and what becomes of attempts, as the pipeline sees them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol

from apps.registry.types import DeploymentFacts


class Strategy(StrEnum):
    """How a route orders the deployments that may answer."""

    PRIORITY = "priority"
    ROUND_ROBIN = "round_robin"
    WEIGHTED = "weighted"
    LOWEST_COST = "lowest_cost"
    LOWEST_LATENCY = "lowest_latency"
    LEAST_BUSY = "least_busy"


class Need(StrEnum):
    """What the ordinary deployments of a route cannot do, so that a stand-in is asked."""

    TOO_LONG = "too_long"
    """Their context windows are too small, by our count or in the provider's words."""
    REFUSED = "refused"
    """A provider's filter refused the content."""


EITHER = "either"  # a stand-in for both needs
STANDS_IN = {
    Need.TOO_LONG.value: "stands in only when the context is too long for the others",
    Need.REFUSED.value: "stands in only when content was refused",
    EITHER: "stands in only when the context is too long or content was refused",
}


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """A deployment behind a route. `canary_percent` > 0 takes that share of calls before the
    strategy decides; with `tags` it serves only calls that carry one of them. `only_for`: see
    `Option`."""

    deployment: str
    weight: int = 100
    canary_percent: int = 0
    tags: tuple[str, ...] = ()
    only_for: str = ""


@dataclass(frozen=True, slots=True)
class ShadowFacts:
    """`percent` of answered calls are also sent to `deployment`, paid by the service `payer_id`."""

    deployment: str
    percent: int
    payer_id: int


@dataclass(frozen=True, slots=True)
class RouteFacts:
    """A route, and its targets by position."""

    slug: str
    targets: tuple[TargetFacts, ...]
    strategy: Strategy = Strategy.PRIORITY
    shadow: ShadowFacts | None = None
    hedge: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """A deployment that may be tried, with what its route says of it. `only_for` is "" for an
    ordinary one, else a `Need` or `EITHER`: it stands in for that alone."""

    deployment: DeploymentFacts
    weight: int = 100
    canary_percent: int = 0
    tags: tuple[str, ...] = ()
    only_for: str = ""

    def stands_in(self, need: Need) -> bool:
        return self.only_for in {need, EITHER}


@dataclass(frozen=True, slots=True)
class Skip:
    """A deployment that is not tried. `reason` is a stable code; `detail` says why and the way
    out; `passing`: it may end by itself or by an operator's switch, so a retry can help."""

    deployment: str
    reason: str
    detail: str
    passing: bool = False


@dataclass(frozen=True, slots=True)
class Pool:
    """What a route's (or model's) name stands for: its options by position, and those left out."""

    name: str
    strategy: Strategy
    options: tuple[Option, ...]
    skipped: tuple[Skip, ...] = ()
    ring: tuple[str, ...] = ()  # every target by position, for round robin
    shadow: ShadowFacts | None = None
    stand_ins: tuple[Option, ...] = ()  # those that wait for a need, by position
    hedge: bool = False  # a late answer is asked for elsewhere too

    @property
    def deployments(self) -> tuple[DeploymentFacts, ...]:
        return tuple(option.deployment for option in self.options)

    @property
    def for_long(self) -> tuple[DeploymentFacts, ...]:
        """Everybody whose context window counts for a long request."""
        return (*self.deployments, *self.stood_in(Need.TOO_LONG).deployments)

    def stood_in(self, need: Need) -> "Pool":
        """With the stand-ins for this need in place of the ordinary options."""
        called = tuple(option for option in self.stand_ins if option.stands_in(need))
        others = tuple(option for option in self.stand_ins if option not in called)
        return replace(self, options=called, stand_ins=others)


@dataclass(frozen=True, slots=True)
class Choice:
    """A candidate in its place of the order, and why it stands there. `instead_of`: the deployment
    that would stand before it, did costs not count."""

    deployment: DeploymentFacts
    why: str
    instead_of: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided for one request: candidates in the order in which they are tried, and who
    stands in should a provider call it too long or refuse its content. `hedge` says in words when a
    second one is asked at the same time; empty: never."""

    name: str
    strategy: Strategy
    choices: tuple[Choice, ...]
    skipped: tuple[Skip, ...] = ()
    stand_ins: tuple[Option, ...] = ()
    hedge: str = ""

    @property
    def deployments(self) -> tuple[DeploymentFacts, ...]:
        return tuple(choice.deployment for choice in self.choices)

    def why(self, deployment: str) -> str:
        """Why it stands where it stands; empty for one that was not among the candidates."""
        ordinary = (c.why for c in self.choices if c.deployment.slug == deployment)
        called = (s.why for s in self.waiting if s.deployment.slug == deployment)
        return next(ordinary, "") or next(called, "")

    def instead_of(self, deployment: str) -> str:
        """Which candidate it is preferred to for its lower cost; empty: to none."""
        slugs = {choice.deployment.slug for choice in self.choices}
        preferred = (c.instead_of for c in self.choices if c.deployment.slug == deployment)
        return next((other for other in preferred if other in slugs), "")

    @property
    def waiting(self) -> tuple[Choice, ...]:
        """The stand-ins, each with what it waits for."""
        return tuple(Choice(o.deployment, STANDS_IN[o.only_for]) for o in self.stand_ins)

    def standing_in(self, need: Need) -> tuple[DeploymentFacts, ...]:
        return tuple(o.deployment for o in self.stand_ins if o.stands_in(need))

    def without(self, resting: Mapping[str, str]) -> "Decision":
        """The same order without those that rest: slug → why, and for how long."""
        skips = tuple(
            Skip(c.deployment.slug, "resting", resting[c.deployment.slug], passing=True)
            for c in self.choices
            if c.deployment.slug in resting
        )
        kept = tuple(c for c in self.choices if c.deployment.slug not in resting)
        return replace(self, choices=kept, skipped=(*self.skipped, *skips)) if skips else self

    def behind(self, full: Collection[str]) -> "Decision":
        """The same, but those whose places are all taken come last: a call that can be sent now
        does not wait."""
        if not full:
            return self
        free = tuple(c for c in self.choices if c.deployment.slug not in full)
        last = tuple(
            replace(c, why=f"{c.why}; last, because all its places are taken")
            for c in self.choices
            if c.deployment.slug in full
        )
        return replace(self, choices=(*free, *last))

    def as_json(self) -> Mapping[str, Any]:
        return {
            "route": self.name,
            "strategy": str(self.strategy),
            "order": [{"deployment": c.deployment.slug, "why": c.why} for c in self.choices],
            "stand_ins": [{"deployment": c.deployment.slug, "why": c.why} for c in self.waiting],
            "skipped": [
                {"deployment": s.deployment, "reason": s.reason, "detail": s.detail}
                for s in self.skipped
            ],
            "hedge": self.hedge,
        }


class AttemptResult(StrEnum):
    """How an attempt ended, as routing and health count it."""

    ANSWERED = "answered"
    FAILED = "failed"
    """The deployment's fault: 5xx, reset, garbage, a cut stream."""
    TIMED_OUT = "timed_out"
    """No answer in time: the deployment's fault, or that of a caller in a hurry."""
    UNAUTHORISED = "unauthorised"
    """401, or no money left: the credential is bad for everybody."""
    FORBIDDEN = "forbidden"
    """403: the credential, or only this request."""
    MISSING = "missing"
    """404: the model is gone, or only what this request named."""
    OUTRUN = "outrun"
    """Given up, because another attempt of the same call was faster: it would have taken longer."""
    LIMITED = "limited"
    """429: busy, not broken."""
    IGNORED = "ignored"
    """The caller's fault or the caller's leaving: says nothing about the deployment."""


class Observer(Protocol):
    """Learns from attempts. Called on the event loop, so it must not block."""

    def began(self, deployment: DeploymentFacts) -> None:
        """A request is about to be sent; exactly one `observe` follows."""

    def observe(
        self,
        deployment: DeploymentFacts,
        *,
        seconds: float,
        outcome: AttemptResult,
        retry_after: float | None = None,
    ) -> None:
        """It ended after so many seconds; `retry_after`: the seconds that it asked us to wait."""


class NoSuchModel(Exception):
    """Neither a route nor a model has that name. Permanent."""
