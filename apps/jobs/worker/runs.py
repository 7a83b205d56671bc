"""The jobs that a process runs: coroutines on the pipeline's event loop."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError

from apps.access.types import Caller
from apps.core.batcher import Batcher
from apps.core.clock import now
from apps.gateway.types import Call, CallOutcome, CallRefused
from apps.jobs import metrics
from apps.jobs.services.finish import end_all
from apps.jobs.types import Claim, Ending, EndKind, Ticket

RATE_LIMIT_WAIT = 5.0  # seconds that a job waits in its slot for its service's turn
RETRY_SECONDS = 1.0  # between tries to write an end while the database is away

log = structlog.get_logger(__name__)


class Pipeline(Protocol):
    async def run(self, call: Call) -> CallOutcome: ...


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
        on_done: Callable[[UUID], None],
    ) -> None:
        self._loop = loop
        self._pipeline = pipeline
        self._on_done = on_done
        self._runs: dict[UUID, _Run] = {}
        self._endings: Batcher[Ending, bool] = Batcher(name="job-ends", flush=end_all)

    def start(self, claims: Iterable[Claim], callers: Mapping[int, Caller]) -> None:
        """Run each claimed job; `on_done` is called once with each, whatever becomes of it."""
        calls = [(claim.ticket, _call_of(claim, callers[claim.service_id])) for claim in claims]
        self._loop.call_soon_threadsafe(self._start, calls)

    def tickets(self) -> list[Ticket]:
        return [run.ticket for run in list(self._runs.values())]

    def stop(self, job_ids: Iterable[UUID], kind: EndKind | None) -> None:
        """Stop runs and end their jobs as `kind`; None: they are somebody else's by now."""
        self._loop.call_soon_threadsafe(self._stop, list(job_ids), kind)

    async def close(self) -> None:
        """Write what is still to be written."""
        await self._endings.close()

    def _start(self, calls: Iterable[tuple[Ticket, Call]]) -> None:
        for ticket, call in calls:
            task = self._loop.create_task(self._run(ticket, call))
            self._runs[ticket.job_id] = _Run(ticket, task)
            metrics.IN_FLIGHT.inc()
            task.add_done_callback(lambda _, ticket=ticket: self._done(ticket))  # type: ignore[misc]

    def _stop(self, job_ids: Iterable[UUID], kind: EndKind | None) -> None:
        for job_id in job_ids:
            run = self._runs.get(job_id)
            if run is not None and run.is_ours and run.stopped is None:
                run.stopped, run.is_ours = kind, kind is not None
                run.task.cancel()

    def _done(self, ticket: Ticket) -> None:
        self._runs.pop(ticket.job_id, None)
        metrics.IN_FLIGHT.dec()
        self._on_done(ticket.job_id)

    async def _run(self, ticket: Ticket, call: Call) -> None:
        structlog.contextvars.bind_contextvars(
            request_id=call.request_id, job_id=str(ticket.job_id)
        )
        try:
            # A success is written by the runtime, in the transaction that settles the call.
            await self._pipeline.run(call)
        except CallRefused as refusal:
            await self._end(Ending.refused(ticket, refusal))
        except asyncio.CancelledError:
            kind = self._runs[ticket.job_id].stopped
            if kind is not None:
                await self._end(Ending(ticket, kind))
        except Exception:  # a fault of one job must neither stop the others nor vanish
            log.exception("job_broke")
            await self._end(Ending(ticket, EndKind.LOST))

    async def _end(self, ending: Ending) -> None:
        """Write how it ended; while the database is away, for as long as the job is ours."""
        while self._runs[ending.ticket.job_id].is_ours:
            try:
                await self._endings.submit(ending)
            except (OperationalError, InterfaceError) as error:
                log.warning("job_end_not_written", error=str(error))
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return


def _call_of(claim: Claim, caller: Caller) -> Call:
    """The deadline moves from the database's clock to ours, which the pipeline watches."""
    remaining = min(claim.remaining, settings.CALL_TIMEOUT_MAX_SECONDS)
    return Call(
        spec=claim.spec,
        caller=caller,
        request_id=claim.request_id,
        deadline=now() + timedelta(seconds=remaining),
        pin=claim.pin,
        job_id=claim.ticket.job_id,
        completion=claim.ticket,
        rate_limit_wait=RATE_LIMIT_WAIT,
        repeat_unknown=claim.repeat_unknown,
    )
