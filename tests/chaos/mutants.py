"""Faults put into the code on purpose: a checker that misses them proves nothing.

They are applied inside the processes of a run (`tests.chaos.entry`, `tests.chaos.web`), or to the
run's own database, and never to the product's files. A mutant whose place in the code is gone
raises, so that it cannot silently do nothing.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.utils import timezone

LATE_SECONDS = 0.3  # what a mutant does too late comes so much later


def apply(name: str) -> None:
    """Change this process. "" changes nothing."""
    if name:
        _PROCESS.get(name, _nothing)()


def apply_to_database(name: str) -> None:
    """Change the run's database, once, before anything starts."""
    for statement in _DATABASE.get(name, ()):
        with connection.cursor() as cursor:
            cursor.execute(statement)


def _nothing() -> None:
    pass


def _replace(owner: Any, name: str, new: Any) -> Any:
    old = getattr(owner, name)
    setattr(owner, name, new)
    return old


def _no_fence() -> None:
    """Whoever comes last writes the end, and nobody learns that he is late: not from the database,
    nor from the lease that a worker counts itself."""
    from apps.jobs.services import finish
    from apps.jobs.worker import heartbeat, leases

    def careless(keep: Any) -> Callable[[Any], set[Any]]:
        return lambda tickets: keep(tickets) - set(tickets)

    _replace(finish, "_owns", lambda jobs, ticket: ticket.job_id in jobs)
    _replace(heartbeat, "keep", careless(heartbeat.keep))
    _replace(leases, "lost", careless(leases.lost))
    _replace(leases.Leases, "may_send", lambda self, ticket: True)
    _replace(leases.Leases, "ending_within", lambda self, seconds: [])


def _no_heartbeat() -> None:
    """A lease is never renewed."""
    from apps.jobs.worker import heartbeat

    _replace(heartbeat, "keep", lambda tickets: set())


def _no_sweeper() -> None:
    """Nobody looks for jobs of dead workers."""
    from apps.jobs.services import sweep

    _replace(sweep, "_rescue_lost", lambda: 0)


def _promise_before_commit() -> None:
    """The answer is 202 at once; the job is written a moment later."""
    from apps.jobs.api import views
    from apps.jobs.services import submit

    promised: dict[str | None, Any] = {}

    def at_once(*, draft: Any) -> Any:
        job = submit.new_job(
            draft,
            submit._prepare(draft.caller, draft.spec, draft.request_id),
            now=timezone.now(),
        )
        job = promised.setdefault(draft.idempotency_key, job)
        threading.Thread(target=_write_late, args=(draft, job.pk), daemon=True).start()
        return submit.Submitted(job, created=True)

    _replace(views, "submit", at_once)


def _write_late(draft: Any, job_id: Any) -> None:
    from apps.jobs import specs
    from apps.jobs.models import Job, JobPayload
    from apps.jobs.services import doorbell, submit

    time.sleep(LATE_SECONDS)
    job = submit.new_job(draft, submit._prepare(draft.caller, draft.spec, draft.request_id))
    job.pk = job_id
    Job.objects.bulk_create([job], ignore_conflicts=True)
    payload = JobPayload(job_id=job_id, request=specs.to_json(draft.spec))
    JobPayload.objects.bulk_create([payload], ignore_conflicts=True)
    doorbell.ring(priority=job.priority)
    connection.close()


def _send_before_commit() -> None:
    """The request goes out while its attempt and hold are still being written."""
    from apps.budgets.types import Held
    from apps.gateway.books import Books

    admit = Books.admit
    late: set[asyncio.Task[None]] = set()

    async def later(self: Any, admission: Any) -> Held:
        async def book() -> None:
            await asyncio.sleep(3 * LATE_SECONDS)  # as long as a kill needs to meet one
            await admit(self, admission)

        task = asyncio.create_task(book())
        late.add(task)
        task.add_done_callback(late.discard)
        return Held(admission.hold.id, ())

    _replace(Books, "admit", later)


def _double_settle() -> None:
    """An answer that is delivered twice is booked twice."""
    from apps.ledger import booking

    _replace(booking, "_may_end", lambda attempt, end: True)
    end_once = booking.Book._end

    def end_again(self: Any, attempt: Any, end: Any) -> None:
        again = attempt.ended_at is not None
        end_once(self, attempt, end)
        if again:  # the usage is there already, and its key would stop the second booking
            self._new_usages.clear()

    _replace(booking.Book, "_end", end_again)
    from apps.gateway.books import Books

    settle = Books.settle

    async def twice(self: Any, item: Any) -> Any:
        await settle(self, item)
        return await settle(self, item)

    _replace(Books, "settle", twice)


_PROCESS: dict[str, Callable[[], None]] = {
    "no_fence": _no_fence,
    "no_heartbeat": _no_heartbeat,
    "no_sweeper": _no_sweeper,
    "promise_before_commit": _promise_before_commit,
    "send_before_commit": _send_before_commit,
    "double_settle": _double_settle,
}
_DATABASE: dict[str, tuple[str, ...]] = {
    "no_unique_index": ("ALTER TABLE jobs_job DROP CONSTRAINT idempotency_key_once",),
    "double_settle": ("DROP INDEX one_charge_an_attempt", "DROP INDEX one_estimate_an_attempt"),
}
NAMES = ("no_fence", "no_heartbeat", "no_unique_index", "no_sweeper")
NAMES += ("promise_before_commit", "send_before_commit", "double_settle")
# What is done to each, so that the fault can show: seconds after one another, to which worker.
FAULTS: dict[str, tuple[str, ...]] = {
    "no_fence": ("pause", "pause"),
    "no_heartbeat": (),
    "no_unique_index": (),
    "no_sweeper": ("kill",),
    "promise_before_commit": ("postgres_restart", "postgres_down"),
    "send_before_commit": ("kill", "kill"),
    "double_settle": (),
}
