"""Shadow copies: a share of answered calls is also sent to a candidate, to be compared.

A copy never answers anybody, begins after the answer is there, and is booked to a service of its
own, whose hard budget caps it: without such a budget, or when it is used up, nothing is copied. It
keeps every condition of the original, so its data goes nowhere that the original's may not.
"""

import random
from dataclasses import replace

import structlog
from django.conf import settings

from apps.access.types import Caller
from apps.core.clock import now as clock_now
from apps.core.snapshot import SnapshotHolder
from apps.gateway import metrics
from apps.gateway.accounts import Settlement
from apps.gateway.assembler import Assembler
from apps.gateway.books import Books
from apps.gateway.config import Config
from apps.gateway.degrade import Way, decided
from apps.gateway.dispatch import dispatch, endpoint_of
from apps.gateway.endings import end_of_answer, settlement_of_error
from apps.gateway.observing import observed
from apps.gateway.prepare import Prepared, conditions, is_able
from apps.gateway.retry import Next
from apps.gateway.tasks import Tasks
from apps.gateway.tickets import admission_of, ticket_for
from apps.gateway.types import Call, CallRefused
from apps.ledger.models import Purpose
from apps.providers.errors import ProviderError
from apps.registry.types import DeploymentFacts
from apps.routing.types import Observer, Option, ShadowFacts

log = structlog.get_logger(__name__)
AT_ONCE = 16  # copies under way in a process; more are left out, so that no backlog can grow


class Shadows:
    """Sends copies. One for each event loop."""

    def __init__(
        self,
        *,
        config: SnapshotHolder[Config],
        books: Books,
        tasks: Tasks,
        observer: Observer,
        rng: random.Random | None = None,
    ) -> None:
        self._config = config
        self._books = books
        self._tasks = tasks
        self._observer = observer
        self._rng = rng or random.Random()  # noqa: S311 - sampling is no secret
        self._running = 0

    def copy(self, call: Call, prepared: Prepared, *, answered_by: str) -> None:
        """Send a copy in the background, if this call is drawn. Returns at once, never raises."""
        shadow = prepared.pool.shadow
        if shadow is None or self._rng.random() * 100 >= shadow.percent:
            return
        result = self._hindrance(call, prepared, shadow, answered_by)
        if result:
            metrics.SHADOWS.labels(prepared.pool.name, result).inc()
            return
        self._running += 1
        self._tasks.spawn(self._send(call, prepared, shadow))

    def _hindrance(
        self, call: Call, prepared: Prepared, shadow: ShadowFacts, answered_by: str
    ) -> str:
        """Why there is no copy; empty: there is one."""
        config = self._config.current
        deployment = config.registry.deployments.get(shadow.deployment)
        payer = config.callers.get(shadow.payer_id)
        if deployment is None or payer is None or deployment.slug == answered_by:
            return "same_deployment" if deployment is not None and payer is not None else "gone"
        option = Option(deployment)
        if any(condition(option) for condition in conditions(prepared.spec, call.caller)):
            return "not_allowed"
        if not is_able(prepared.spec, deployment):
            return "not_able"
        if not any(budget.hard and budget.service == payer.service for budget in config.budgets):
            return "no_budget"
        return "too_many" if self._running >= AT_ONCE else ""

    async def _send(self, call: Call, prepared: Prepared, shadow: ShadowFacts) -> None:
        result = "failed"
        try:
            deployment = self._config.current.registry.deployments[shadow.deployment]
            payer = self._config.current.callers[shadow.payer_id]
            result = await self._attempt(*_copied(call, prepared, payer), deployment)
        except CallRefused as refusal:
            result = refusal.code
        except ProviderError as error:
            log.info("shadow_failed", request_id=call.request_id, error=str(error))
        finally:
            self._running -= 1
            metrics.SHADOWS.labels(prepared.pool.name, result).inc()

    async def _attempt(self, call: Call, prepared: Prepared, deployment: DeploymentFacts) -> str:
        """One hold, one request, one resolution, as any attempt; no retry."""
        config, timeout = self._config.current, float(settings.CALL_TIMEOUT_SECONDS)
        prepared = prepared.fitted(deployment)
        endpoint = endpoint_of(deployment)
        ticket = ticket_for(call, prepared, deployment, clock_now())
        admission = admission_of(
            call,
            ticket,
            Next(deployment, Purpose.SHADOW, 0),
            1,
            config.budgets,
            timeout + settings.UNKNOWN_HOLD_SECONDS,
            why="shadow copy",
        )
        way = decided(Way(ticket, prepared, endpoint), {}, await self._books.admit(admission))
        seen = Assembler()
        try:
            with observed(deployment, self._observer):
                answer = await dispatch(
                    way.prepared, way.endpoint, timeout=timeout, emit=None, seen=seen
                )
        except ProviderError as error:
            await self._books.settle(settlement_of_error(way.ticket, error, seen))
            raise
        await self._books.settle(Settlement(end=end_of_answer(way.ticket, answer)))
        return "answered"


def _copied(call: Call, prepared: Prepared, payer: Caller) -> tuple[Call, Prepared]:
    """The same request as the payer's own: neither the caller's job, tags nor prompt is billed."""
    spec = replace(prepared.spec, context=())
    copied = replace(
        call,
        spec=spec,
        caller=payer,
        request_id=f"{call.request_id[:120]}-shadow",
        job_id=None,
        completion=None,
        on_decision=None,
    )
    return copied, replace(prepared, spec=spec, caller=payer, pin=None)
