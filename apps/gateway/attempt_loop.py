"""Stages 8 to 10: attempts with retries and fallbacks, each guarded and settled.

From hold to resolution an attempt runs in a task of its own, which a caller who goes away cannot
cancel: it can only abort the provider's call inside it. So exactly one resolution follows. Where
the route hedges, a second one may run beside it (`hedging.py`).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from django.conf import settings

from apps.core.clock import now as clock_now
from apps.core.snapshot import SnapshotHolder
from apps.gateway import metrics, refusals
from apps.gateway.accounts import Settlement
from apps.gateway.answers import Answer
from apps.gateway.assembler import Assembler
from apps.gateway.books import Books
from apps.gateway.config import Config
from apps.gateway.degrade import Way, cheaper_ways, decided
from apps.gateway.dispatch import Emit, dispatch, endpoint_of
from apps.gateway.endings import (
    Shown,
    end_of_answer,
    end_of_outrun,
    outcome_of,
    settlement_of_error,
)
from apps.gateway.guards import guard_output
from apps.gateway.hedging import AttemptFailed, Race, Runner, count_hedge
from apps.gateway.observing import observed
from apps.gateway.prepare import Prepared
from apps.gateway.retry import Next, Plan
from apps.gateway.sending import Sending, given_up
from apps.gateway.tasks import Tasks
from apps.gateway.tickets import Ticket, admission_of, ticket_for
from apps.gateway.types import Call, CallOutcome, CallRefused, Spent
from apps.ledger.models import Purpose
from apps.providers.errors import ErrorKind, Outcome, ProviderError
from apps.providers.types import Endpoint
from apps.registry.types import DeploymentFacts
from apps.routing.health import Health, Permit
from apps.routing.rests import Rest, Resting
from apps.routing.types import Decision, Need, Observer


@dataclass(frozen=True, slots=True)
class Run:
    """What all attempts of one call share."""

    call: Call
    prepared: Prepared
    emit: Emit | None
    decision: Decision | None = None

    def why(self, deployment: DeploymentFacts) -> str:
        return self.decision.why(deployment.slug) if self.decision else ""

    def instead_of(self, deployment: DeploymentFacts) -> str:
        return self.decision.instead_of(deployment.slug) if self.decision else ""

    @property
    def stand_ins(self) -> Mapping[Need, Sequence[DeploymentFacts]]:
        if self.decision is None or not self.decision.stand_ins:
            return {}
        return {need: self.decision.standing_in(need) for need in Need}

    @property
    def repeat_unknown(self) -> bool:
        """The stricter of what the caller and the prompt's owner chose."""
        return self.call.repeat_unknown and self.prepared.repeat_unknown

    @property
    def hedges(self) -> bool:
        """A stream has one source, and what must not be repeated is not sent twice."""
        return self.prepared.pool.hedge and self.emit is None and self.repeat_unknown

    @property
    def remaining(self) -> float:
        """Seconds to the caller's deadline."""
        return (self.call.deadline - clock_now()).total_seconds()


class AttemptLoop:
    """Tries candidates until one answers or the plan ends."""

    def __init__(
        self,
        *,
        config: SnapshotHolder[Config],
        books: Books,
        tasks: Tasks,
        observer: Observer,
        health: Health,
    ) -> None:
        self._config = config
        self._observer = observer
        self._health = health
        self._books = books
        self._tasks = tasks

    async def answer(self, run: Run, candidates: tuple[DeploymentFacts, ...]) -> CallOutcome:
        """Raises `CallRefused` when nobody answered; everything that happened is booked."""
        plan, spent = Plan(candidates, self._health, run.stand_ins), Spent()
        step: Next | None = plan.first()
        error: ProviderError | None = None
        errors: Mapping[str, ProviderError] | None = None
        met: dict[str, Rest] = {}
        while step is not None:
            await asyncio.sleep(step.delay)
            step = plan.with_room(step, remaining=run.remaining)
            try:
                return await self._attempt(run, plan, step, spent)
            except Resting as resting:  # since it was chosen
                met[step.deployment.slug] = resting.rest
                step = plan.instead(remaining=run.remaining)
                continue
            except CallRefused as refusal:
                refusals.after_attempts(refusal, plan.attempts - 1, spent)
                raise
            except AttemptFailed as failed:
                spent += failed.cost
                error, errors = failed.error, failed.errors
            if error.outcome is Outcome.UNKNOWN and not run.repeat_unknown:
                raise refusals.outcome_unknown(error, plan.attempts, spent)
            step = plan.after(error, remaining=run.remaining, errors=errors)
        if error is None:
            raise refusals.all_resting(met | self._health.resting(candidates))
        in_time = run.remaining > 0
        raise refusals.provider_failed(error, plan.attempts, in_time=in_time, spent=spent)

    async def _attempt(self, run: Run, plan: Plan, step: Next, spent: Spent) -> CallOutcome:
        race = Race()
        await self._begin(race, run, step, plan.attempts, spent)
        try:
            if run.hedges:
                await self._hedge(race, run, plan, spent)
            return await race.answer()
        except asyncio.CancelledError:
            await race.give_up()
            raise
        finally:
            for runner in race.in_vain:
                plan.unsent(runner.step)

    async def _begin(self, race: Race, run: Run, step: Next, number: int, spent: Spent) -> Runner:
        places = self._health.places(step.deployment)
        usual = self._health.usual_seconds(step.deployment)
        await places.take(run.remaining - usual)
        sending = Sending()
        task = self._tasks.spawn(self._to_its_end(race, sending, run, step, number, spent))
        task.add_done_callback(lambda _: places.leave())
        return race.enter(Runner(step, number, sending, task))

    async def _hedge(self, race: Race, run: Run, plan: Plan, spent: Spent) -> None:
        """Wait until the attempt is late; then ask somebody else too, within the hedge budget."""
        first = race.runners[0]
        slow = first.step.deployment
        after = self._health.late_after(slow)
        if after is None or not await first.is_late(after):
            return
        why = f"hedge: “{slow.slug}” had not answered after {after:.3g} s, its 95th percentile"
        hedge = plan.hedge(first.step, remaining=run.remaining, why=why)
        if hedge is None:
            return
        if self._health.may_hedge(slow):
            runner = await self._begin(race, run, hedge, plan.attempts, spent)
            runner.task.add_done_callback(lambda _: count_hedge(slow.slug, runner))
        else:
            plan.unsent(hedge)
            metrics.HEDGES.labels(slow.slug, "budget_used_up").inc()

    async def _to_its_end(
        self, race: Race, sending: Sending, run: Run, step: Next, number: int, spent: Spent
    ) -> CallOutcome:
        timeout = run.remaining
        if timeout <= 0:
            raise refusals.deadline(number - 1)
        try:
            endpoint = endpoint_of(step.deployment)
        except ProviderError as error:  # no credential: nothing to hold, nothing to send
            raise AttemptFailed(error, Spent()) from error
        with self._health.permit(step.deployment) as permit:
            way = await self._admit(run, step, endpoint, number, timeout)
            answer = await self._send(sending, run, way, permit)
        if not race.won_by(sending):
            raise await self._outrun(way.ticket, answer)
        spent += await race.cost_of_losers()
        return await self._settle(run, way, answer, race.attempts, spent)

    async def _outrun(self, ticket: Ticket, answer: Answer) -> AttemptFailed:
        cost, _ = await self._books.settle(Settlement(end=end_of_outrun(ticket, answer)))
        return AttemptFailed(given_up(ErrorKind.OUTRUN), cost)

    async def _send(self, sending: Sending, run: Run, way: Way, permit: Permit) -> Answer:
        seen, ticket = Assembler(), way.ticket
        permit = permit.instead(ticket.deployment)
        # The time that is left now: holding may have waited for others.
        work = dispatch(
            way.prepared,
            way.endpoint,
            timeout=run.remaining,
            emit=run.emit,
            seen=seen,
            may_send=run.call.may_send,
        )
        try:
            with observed(ticket.deployment, self._observer, permit):
                answer = await sending.wait_for(work)
        except ProviderError as error:
            metrics.ATTEMPTS.labels(ticket.deployment.slug, "failed", error.kind).inc()
            cost, _ = await self._books.settle(settlement_of_error(ticket, error, seen))
            raise AttemptFailed(error, cost) from error
        metrics.ATTEMPTS.labels(ticket.deployment.slug, "succeeded", "").inc()
        return answer

    async def _admit(
        self, run: Run, step: Next, endpoint: Endpoint, number: int, timeout: float
    ) -> Way:
        """How it may be sent: as it was asked for, or as its budgets have room for."""
        now, config = clock_now(), self._config.current
        prepared = run.prepared.fitted(step.deployment)
        ticket = ticket_for(run.call, prepared, step.deployment, now)
        way = Way(ticket, prepared, endpoint)
        is_hedge = step.purpose is Purpose.HEDGE
        cheaper = {} if is_hedge else cheaper_ways(run.call, way, config=config, now=now)
        admission = partial(
            admission_of,
            run.call,
            step=step,
            number=number,
            budgets=config.budgets,
            ttl=timeout + settings.UNKNOWN_HOLD_SECONDS,
        )
        instead = {
            model: admission(
                ticket=other.ticket,
                why=f"a budget allows only “{model}”",
                instead_of=step.deployment.slug,
            )
            for model, other in cheaper.items()
        }
        why = step.why or run.why(step.deployment)
        preferred_to = "" if is_hedge else run.instead_of(step.deployment)
        held = await self._books.admit(
            admission(ticket=ticket, why=why, instead_of=preferred_to, cheaper=instead)
        )
        return decided(way, cheaper, held)

    async def _settle(
        self, run: Run, way: Way, answer: Answer, number: int, spent: Spent
    ) -> CallOutcome:
        ticket = way.ticket
        outcome = outcome_of(
            ticket,
            answer,
            shown=Shown.of(way.prepared),
            attempts=number,
            degraded=way.degraded,
        )
        blocked = guard_output(outcome).blocked  # 9. what it cost is booked all the same
        cost, settled = await self._books.settle(  # 10.
            Settlement(
                end=end_of_answer(ticket, answer, way.prepared.parameters),
                spent_before=spent,
                outcome=None if blocked else outcome,
                completion=run.call.completion,
            )
        )
        refusals.refuse_if_blocked(blocked, attempts=number, spent=spent + cost)
        return settled or outcome
