"""Hedged requests: when an answer is late, another deployment is asked too; the first answers.

The rules are those of J. Dean and L. A. Barroso, “The Tail at Scale” (CACM 56(2), 2013): the second
request is sent when the first takes longer than 95 of 100 answers of its deployment, and is limited
to a twentieth of its calls (`apps.routing.health`). A hedge is an attempt like any other: hold,
row, request, resolution. Whoever loses is aborted and booked before the winner is, so that what is
said of the call's cost is all of it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from apps.gateway import metrics
from apps.gateway.retry import Next
from apps.gateway.sending import Sending
from apps.gateway.types import CallOutcome, CallRefused, Spent
from apps.providers.errors import ErrorKind, ProviderError
from apps.routing.health import Health
from apps.routing.recent import FEWEST
from apps.routing.rests import Resting
from apps.routing.types import Decision, Pool

ABORT_SECONDS = 2.0  # a caller that gives up waits this long to see the aborted attempts booked
CLOSE_ENOUGH = 0.001  # seconds; a timer may come a little early
_NAMED = {ErrorKind.OUTRUN, ErrorKind.CANCELLED}


class AttemptFailed(Exception):
    """An attempt brought no answer. `errors`, by deployment, when several ran at once: then `error`
    is the one that says most about the call, and `cost` that of all."""

    def __init__(
        self, error: ProviderError, cost: Spent, errors: Mapping[str, ProviderError] | None = None
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.cost = cost
        self.errors = errors


@dataclass(slots=True, eq=False)
class Runner:
    """An attempt under way."""

    step: Next
    number: int
    sending: Sending
    task: "asyncio.Task[CallOutcome]"

    async def is_late(self, after: float) -> bool:
        """Wait until it has been under way at its provider for `after` seconds, or has ended: the
        time in which its hold or its end is written is not the provider's."""
        while not self.task.done():
            left = after - self.sending.seconds
            if left < CLOSE_ENOUGH:
                return self.sending.is_under_way
            await asyncio.wait({self.task}, timeout=left)
        return False

    @property
    def failure(self) -> BaseException | None:
        """Of a task that has ended."""
        return asyncio.CancelledError() if self.task.cancelled() else self.task.exception()

    @property
    def went_nowhere(self) -> bool:
        """Nothing was sent, and nobody failed: a budget has no room, its deployment rests."""
        return isinstance(self.failure, CallRefused | Resting) and not self.sending.was_sent


@dataclass(slots=True, eq=False)
class Race:
    """The attempts of one call that are under way at once; mostly one."""

    runners: list[Runner] = field(default_factory=list)
    _winner: Sending | None = None

    def enter(self, runner: Runner) -> Runner:
        self.runners.append(runner)
        return runner

    @property
    def in_vain(self) -> list[Runner]:
        """Hedges that were not sent after all."""
        return [r for r in self.runners[1:] if r.task.done() and r.went_nowhere]

    def won_by(self, sending: Sending) -> bool:
        """An answer came: whether it is the call's. The first is, and the others are aborted."""
        if self._winner is None:
            self._winner = sending
            for runner in self.runners:
                if runner.sending is not sending:
                    runner.sending.abort(ErrorKind.OUTRUN)
        return self._winner is sending

    async def cost_of_losers(self) -> Spent:
        """When all the others are booked."""
        others = [runner for runner in self.runners if runner.sending is not self._winner]
        if not others:
            return Spent()
        await asyncio.wait({runner.task for runner in others})
        return sum((_cost(runner) for runner in others), Spent())

    @property
    def attempts(self) -> int:
        """Of the call until now, those included that were before this race."""
        return max((r.number for r in self.runners if r.sending.was_sent), default=0)

    async def answer(self) -> CallOutcome:
        """The winner's. Raises what ended the only attempt; of several that failed, what says most
        about the call."""
        if len(self.runners) == 1:
            return await asyncio.shield(self.runners[0].task)
        await asyncio.wait({runner.task for runner in self.runners})
        for runner in self.runners:
            if runner.sending is self._winner:
                return runner.task.result()
        return self._fail()

    def _fail(self) -> CallOutcome:
        failures = {r.step.deployment.slug: r.failure for r in self.runners}
        failed = {slug: f for slug, f in failures.items() if isinstance(f, AttemptFailed)}
        first = failures[self.runners[0].step.deployment.slug]
        if not isinstance(first, AttemptFailed):  # it could not be booked
            return self.runners[0].task.result()
        final = next((f for f in failed.values() if f.error.is_final), first)
        errors = {slug: failure.error for slug, failure in failed.items()}
        cost = sum((f.cost for f in failed.values()), Spent())
        raise AttemptFailed(final.error, cost, errors) from final

    async def give_up(self) -> None:
        """The caller left: abort all, and wait a moment until they are booked."""
        for runner in self.runners:
            runner.sending.abort()
        await asyncio.wait({runner.task for runner in self.runners}, timeout=ABORT_SECONDS)


def _cost(runner: Runner) -> Spent:
    return runner.failure.cost if isinstance(runner.failure, AttemptFailed) else Spent()


def count_hedge(late: str, runner: Runner) -> None:
    """What became of a hedge, for operators of the deployment that was `late`."""
    failure, result = runner.failure, "failed"
    if failure is None:
        result = "won"
    elif runner.went_nowhere:
        result = "not_admitted"
    elif isinstance(failure, AttemptFailed) and failure.error.kind in _NAMED:
        result = str(failure.error.kind)
    metrics.HEDGES.labels(late, result).inc()


def with_hedge(decision: Decision, pool: Pool, health: Health) -> Decision:
    """With words for when a second deployment is asked, where the route wants it."""
    if not pool.hedge or len(decision.choices) < 2:
        return decision
    first = decision.choices[0].deployment
    after = health.late_after(first)
    late = f"after {after:.3g} s" if after is not None else f"once {FEWEST} answers are known"
    words = f"when “{first.slug}” takes longer than 95 of 100 answers ({late}); no streams"
    return replace(decision, hedge=words)
