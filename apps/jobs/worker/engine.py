"""The engine of a worker process: claims due jobs when it has room, and runs them on one loop.

Celery wakes it, Postgres says whose a job is, and the pipeline does the work. It is made when the
worker starts and drained when it stops.
"""

import asyncio
import threading
from functools import partial

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError

from apps.access.types import Caller
from apps.core.clock import steady
from apps.gateway.runtime import Runtime
from apps.jobs import metrics
from apps.jobs.live import watched
from apps.jobs.models import Priority
from apps.jobs.services.claim import callers_of, claim
from apps.jobs.services.finish import finish_all
from apps.jobs.types import Claim, EndKind, Ticket
from apps.jobs.worker.deliverer import Deliverer
from apps.jobs.worker.heartbeat import Heartbeat
from apps.jobs.worker.lane import Lane
from apps.jobs.worker.leases import Leases
from apps.jobs.worker.provider_batches import ProviderBatches
from apps.jobs.worker.runs import Runs
from apps.jobs.worker.slots import Slots

CLAIM_BATCH = 100  # jobs in one claim: one statement, a few milliseconds
DRAIN_SECONDS = 20.0  # running calls may end within this when the worker stops; the rest goes back
LAST_SECONDS = 5.0  # to write down what was stopped

log = structlog.get_logger(__name__)


class Engine:
    """Call `start` once, `pump` from any thread whenever the bell rings, `stop` at the end."""

    def __init__(self) -> None:
        self._leases = Leases(seconds=settings.JOB_LEASE_SECONDS)
        self._runtime = Runtime(complete=finish_all, lost=self._leases.lost)
        self._slots = Slots(settings.JOB_SLOTS)
        self._deliverer = Deliverer()
        self._batches = ProviderBatches(lambda: self._runtime.config.current)
        self._guard = threading.Lock()
        self._rung: set[int] = set()
        self._pumping: set[int] = set()
        self._lane = Lane()

    def start(self) -> None:
        """Read the configuration and start the loop. Raises `django.db.DatabaseError`."""
        self._runtime.start()
        self._runs = Runs(
            loop=self._runtime.loop,
            pipeline=self._runtime.pipeline,
            leases=self._leases,
            on_done=self._done,
            watched=partial(watched, self._runtime.redis),
        )
        self._heartbeat = Heartbeat(self._runs, self._leases)
        self._heartbeat.start()
        self._deliverer.start()
        self._batches.start()
        metrics.SLOTS.set(settings.JOB_SLOTS)

    def pump(self, *, lowest: int = Priority.LOW) -> None:
        """Claim and start due jobs of priority `lowest` or more urgent until none is left.

        Waits for room. One pump a priority runs at a time: a bell that rings meanwhile makes it
        look once more and costs no second thread.
        """
        with self._guard:
            self._rung.add(lowest)
            if lowest in self._pumping:
                return
            self._pumping.add(lowest)
        while self._goes_on(lowest):
            try:
                self._claim_all(lowest)
            except (OperationalError, InterfaceError) as error:
                log.warning("claim_failed", error=str(error))  # the sweeper rings again

    def refuse_work(self) -> None:
        """Claim nothing more."""
        self._slots.close()
        self._deliverer.refuse_work()
        self._batches.refuse_work()

    def stop(self) -> None:
        """Let running jobs end, give the rest back, and end the loop."""
        self.refuse_work()
        if not self._slots.wait_until_idle(seconds=DRAIN_SECONDS):
            left = self._runs.tickets()
            log.warning("jobs_given_back", count=len(left))
            self._runs.stop(left, EndKind.RETURNED)
            self._slots.wait_until_idle(seconds=LAST_SECONDS)
        self._heartbeat.stop()
        self._deliverer.stop()
        self._batches.stop()
        asyncio.run_coroutine_threadsafe(self._runs.close(), self._runtime.loop).result()
        self._runtime.stop(LAST_SECONDS)

    def _goes_on(self, lowest: int) -> bool:
        with self._guard:
            if lowest in self._rung:
                self._rung.discard(lowest)
                return True
            self._pumping.discard(lowest)
            return False

    def _done(self, ticket: Ticket) -> None:
        self._lane.leave(ticket)
        self._slots.give(1)

    def _claim_all(self, lowest: int) -> None:
        while room := self._slots.take(most=CLAIM_BATCH):
            claims: list[Claim] = []
            try:
                asked_at = steady()
                claims, callers = self._claim(room, lowest)
                self._runs.start(claims, callers, kept_at=asked_at)
            finally:
                self._slots.give(room - len(claims))
            # One suspect is taken, whatever room there is: there may be more behind it.
            if len(claims) < room and not any(claim.suspect for claim in claims):
                return

    def _claim(self, room: int, lowest: int) -> tuple[list[Claim], dict[int, Caller]]:
        alone, suspect = self._lane.enter(), None
        try:
            claims = claim(limit=room, lowest=lowest, alone=alone)
            callers = callers_of(claims, self._runtime.config.current.callers)
            suspect = next((found.ticket for found in claims if found.suspect), None)
        finally:
            if alone:
                self._lane.keep_for(suspect)
        return claims, callers
