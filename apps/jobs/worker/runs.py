"""The jobs that a process runs: coroutines on the pipeline's event loop."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Protocol

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError

from apps.access.types import Caller
from apps.core.batcher import Batcher
from apps.core.clock import now
from apps.gateway.dispatch import Emit
from apps.gateway.types import Call, CallOutcome, CallRefused
from apps.jobs import metrics
from apps.jobs.services.finish import end_all
from apps.jobs.types import Claim, Ending, EndKind, Ticket
from apps.jobs.worker.leases import Leases

RATE_LIMIT_WAIT = 5.0  # seconds that a job waits in its slot for its service's turn
WATCH_SECONDS = 0.25  # between looks for leases that run out
RETRY_SECONDS = 1.0  # between tries to write an end while the database is away

log = structlog.get_logger(__name__)


class Pipeline(Protocol):
    async def run(self, call: Call, emit: Emit | None = None) -> CallOutcome: ...


@dataclass(slots=True)
class _Run:
    ticket: Ticket
    task: "asyncio.Task[None]"
    # Why it is stopped. None: it was not, or the job is no longer ours and there is nothing to say.
    stopped: EndKind | None = None
    is_ours: bool = True


class Runs:
    """Lives on one event loop; `tickets` and `stop` may be called from any thread."""

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        pipeline: Pipeline,
        leases: Leases,
        on_done: Callable[[Ticket], None],
        watched: Callable[[Call], Emit | None],
    ) -> None:
        self._loop = loop
        self._watched = watched
        self._pipeline = pipeline
        self._leases = leases
        self._on_done = on_done
        self._runs: dict[Ticket, _Run] = {}
        self._watch: asyncio.Handle = loop.call_soon_threadsafe(self._look)
        self._endings: Batcher[Ending, bool] = Batcher(name="job-ends", flush=end_all)

    def start(
        self, claims: Iterable[Claim], callers: Mapping[int, Caller], *, kept_at: float
    ) -> None:
        """Run each claimed job; `on_done` is called once with each, whatever becomes of it.
        `kept_at`: `steady()` before they were claimed."""
        calls = [(claim.ticket, self._call_of(claim, callers)) for claim in claims]
        self._loop.call_soon_threadsafe(self._start, calls, kept_at)

    def tickets(self) -> list[Ticket]:
        """Of the jobs that are still ours, as far as we know."""
        return [run.ticket for run in list(self._runs.values()) if run.is_ours]

    def stop(self, tickets: Iterable[Ticket], kind: EndKind | None) -> None:
        """Stop runs and end their jobs as `kind`; None: they are somebody else's by now."""
        self._loop.call_soon_threadsafe(self._stop, list(tickets), kind)

    async def close(self) -> None:
        """Write what is still to be written."""
        self._watch.cancel()
        await self._endings.close()

    def _look(self) -> None:
        """Stop what may be another worker's before the next look. A plain callback, no task: when
        the process goes on after a pause, it runs before any call gets a turn to send."""
        ours = (
            ticket for ticket in self._leases.ending_within(WATCH_SECONDS) if self._owns(ticket)
        )
        if ending := list(ours):
            log.warning("jobs_lost", count=len(ending), reason="lease not renewed in time")
            self._stop(ending, None)
        self._watch = self._loop.call_later(WATCH_SECONDS, self._look)

    def _owns(self, ticket: Ticket) -> bool:
        run = self._runs.get(ticket)
        return run is not None and run.is_ours

    def _start(self, calls: Iterable[tuple[Ticket, Call]], kept_at: float) -> None:
        for ticket, call in calls:
            self._leases.begin(ticket, at=kept_at)
            task = self._loop.create_task(self._run(ticket, call))
            self._runs[ticket] = _Run(ticket, task)
            metrics.IN_FLIGHT.inc()
            task.add_done_callback(lambda _, ticket=ticket: self._done(ticket))  # type: ignore[misc]

    def _stop(self, tickets: Iterable[Ticket], kind: EndKind | None) -> None:
        for ticket in tickets:
            run = self._runs.get(ticket)
            if run is not None and run.is_ours and run.stopped is None:
                run.stopped, run.is_ours = kind, kind is not None
                run.task.cancel()

    def _done(self, ticket: Ticket) -> None:
        self._runs.pop(ticket, None)
        self._leases.end(ticket)
        metrics.IN_FLIGHT.dec()
        self._on_done(ticket)

    async def _run(self, ticket: Ticket, call: Call) -> None:
        structlog.contextvars.bind_contextvars(
            request_id=call.request_id, job_id=str(ticket.job_id)
        )
        try:
            # A success is written by the runtime, in the transaction that settles the call.
            await self._pipeline.run(call, self._watched(call))
        except CallRefused as refusal:
            await self._end(Ending.refused(ticket, refusal))
        except asyncio.CancelledError:
            kind = self._runs[ticket].stopped
            if kind is not None:
                await self._end(Ending(ticket, kind))
        except Exception:  # a fault of one job must neither stop the others nor vanish
            log.exception("job_broke")
            await self._end(Ending(ticket, EndKind.LOST))

    async def _end(self, ending: Ending) -> None:
        """Write how it ended; while the database is away, for as long as the job is ours."""
        while self._owns(ending.ticket):
            try:
                await self._endings.submit(ending)
            except (OperationalError, InterfaceError) as error:
                log.warning("job_end_not_written", error=str(error))
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    def _call_of(self, claim: Claim, callers: Mapping[int, Caller]) -> Call:
        """The deadline moves from the database's clock to ours, which the pipeline watches."""
        remaining = min(claim.remaining, settings.CALL_TIMEOUT_MAX_SECONDS)
        return Call(
            spec=claim.spec,
            caller=callers[claim.service_id],
            request_id=claim.request_id,
            deadline=now() + timedelta(seconds=remaining),
            pin=claim.pin,
            job_id=claim.ticket.job_id,
            completion=claim.ticket,
            rate_limit_wait=RATE_LIMIT_WAIT,
            repeat_unknown=claim.repeat_unknown,
            may_send=partial(self._leases.may_send, claim.ticket),
        )
