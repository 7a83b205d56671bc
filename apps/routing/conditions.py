"""What processes hold of deployments and credentials, for people to read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from apps.routing.breaker import Breaker, Reason, State


@dataclass(frozen=True, slots=True)
class Condition:
    """One subject in one process. Times are seconds: `since` ago (None: not known), `left`."""

    subject: str  # d:deployment, l:deployment (its 429), c:provider:credential
    state: State
    reason: Reason | None = None
    since: float | None = None
    left: float = 0.0
    calls: int = 0  # of the last half minute
    failed: int = 0
    slow: int = 0

    @property
    def says_something(self) -> bool:
        return bool(self.calls) or self.state is not State.CLOSED

    def as_json(self) -> list[Any]:
        since = None if self.since is None else round(self.since, 1)
        times = [since, round(self.left, 1)]
        return [self.subject, self.state, self.reason, *times, self.calls, self.failed, self.slow]


class PlacesTaken(NamedTuple):
    """Calls under way at a deployment in one process, how many it may have (None: any number), and
    how many wait for a place."""

    taken: int
    limit: int | None
    waiting: int


@dataclass(frozen=True, slots=True)
class ProcessReport:
    """What one process said last."""

    process: str  # host:pid
    age: float  # seconds since
    conditions: tuple[Condition, ...]
    places: Mapping[str, PlacesTaken] = field(default_factory=dict)  # by deployment


def condition_of(subject: str, breaker: Breaker, now: float) -> Condition:
    state = breaker.state(now)
    since = now - breaker.since if breaker.reason else None
    return Condition(subject, state, breaker.reason, since, breaker.rest(now), *breaker.counts(now))


def read_report(said: Mapping[str, Any], now: float) -> ProcessReport:
    """Raises `KeyError`, `TypeError` or `ValueError` for what no process of this version says."""
    conditions = tuple(_condition(*line) for line in said["conditions"])
    places = {slug: PlacesTaken(*counts) for slug, counts in said.get("places", {}).items()}
    age = max(0.0, now - float(said["at"]))
    return ProcessReport(str(said["process"]), age, conditions, places)


def _condition(
    subject: str,
    state: str,
    reason: str | None,
    since: float | None,
    left: float,
    *counts: int,
) -> Condition:
    cause = Reason(reason) if reason else None
    return Condition(subject, State(state), cause, since, left, *counts)
