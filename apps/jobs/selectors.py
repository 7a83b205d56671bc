"""Reads of jobs that more than one edge needs."""

import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from uuid import UUID

from django.db.models import QuerySet, Sum

from apps.access.types import Caller
from apps.jobs.models import OPEN_STATUSES, Batch, Job, JobStatus
from apps.jobs.types import AttemptView
from apps.ledger.models import Attempt, Entry

MAX_WAIT_SECONDS = 60
BATCH_PAGE = 500  # rows of a batch that are read at a time
MAX_WAITERS = 16  # long polls of one process; whoever comes later is answered at once
FIRST_LOOK, SLOWEST_LOOK = 0.05, 0.25  # seconds between two looks at a job that is waited for

_waiters = threading.BoundedSemaphore(MAX_WAITERS)


def jobs_of(caller: Caller) -> QuerySet[Job]:
    """The caller's own jobs; nobody else's exist for it."""
    return Job.objects.filter(service_id=caller.service_id)


def wait_until_finished(*, job_id: UUID, seconds: float) -> bool:
    """Wait for the end of a job; whether it came within `seconds`.

    Only so many threads of a process may wait: beyond that the answer is what stands now.
    """
    if not _waiters.acquire(blocking=False):
        return _has_finished(job_id)
    try:
        return _wait(job_id, time.monotonic() + min(seconds, MAX_WAIT_SECONDS))
    finally:
        _waiters.release()


def _wait(job_id: UUID, until: float) -> bool:
    pause = FIRST_LOOK
    while not _has_finished(job_id):
        left = until - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))
        pause = min(SLOWEST_LOOK, pause * 1.5)
    return True


def _has_finished(job_id: UUID) -> bool:
    return not Job.objects.filter(pk=job_id, status__in=OPEN_STATUSES).exists()


def cost_of(job_id: UUID) -> int:
    """The sum of all that was booked for a job until now, in pico-USD."""
    total = Entry.objects.order_by().filter(job_id=job_id).aggregate(total=Sum("amount_pico"))
    return int(total["total"] or 0)


def batches_of(caller: Caller) -> QuerySet[Batch]:
    """The caller's own batches."""
    return Batch.objects.filter(service_id=caller.service_id)


def batch_cost(batch_id: UUID) -> int:
    """The sum of its jobs' costs until now, in pico-USD."""
    total = Job.objects.order_by().filter(batch_id=batch_id).aggregate(total=Sum("cost_pico"))
    return int(total["total"] or 0)


def batch_counts(batch: Batch) -> dict[str, int]:
    """Its jobs by status. Ended ones are counted on its row; only running ones are looked for."""
    ended = {name: getattr(batch, name) for name in ("succeeded", "failed", "cancelled", "expired")}
    left = batch.total - sum(ended.values())
    running = Job.objects.filter(batch=batch, status=JobStatus.RUNNING).count()
    return {"queued": max(0, left - running), "running": min(running, left)} | ended


def batch_rows(batch_id: UUID, *, after: int = -1, limit: int | None = None) -> Iterator[Job]:
    """Its jobs with their payloads, in order, some hundred at a time: `limit` of those behind row
    `after`, or all."""
    rows = Job.objects.filter(batch_id=batch_id).select_related("payload").order_by("batch_index")
    end = None if limit is None else after + 1 + limit
    while page := list(_rows_between(rows, after, end)[:BATCH_PAGE]):
        yield from page
        after = page[-1].batch_index or 0


def _rows_between(rows: "QuerySet[Job]", after: int, end: int | None) -> "QuerySet[Job]":
    found = rows.filter(batch_index__gt=after)
    return found if end is None else found.filter(batch_index__lt=end)


def attempts_of(job_ids: Collection[UUID]) -> Mapping[UUID, Sequence[AttemptView]]:
    """The physical calls of each job in the order of their start, with what was booked for them."""
    attempts = Attempt.objects.filter(job_id__in=job_ids).order_by("started_at", "id")
    entries = defaultdict(list)
    for entry in Entry.objects.filter(attempt__in=attempts.order_by()).order_by("id"):
        entries[entry.attempt_id].append(entry)
    found: dict[UUID, list[AttemptView]] = defaultdict(list)
    for attempt in attempts:
        if attempt.job_id is not None:
            found[attempt.job_id].append(_view(attempt, entries[attempt.pk]))
    return found


def _view(attempt: Attempt, entries: Sequence[Entry]) -> AttemptView:
    return AttemptView(
        id=attempt.pk,
        number=attempt.number,
        purpose=attempt.purpose,
        why=attempt.why,
        deployment=attempt.deployment,
        status=attempt.status,
        http_status=attempt.http_status,
        error_kind=attempt.error_kind,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        input_tokens=sum(entry.input_tokens for entry in entries),
        output_tokens=sum(entry.output_tokens for entry in entries),
        cost_pico=sum(entry.amount_pico for entry in entries),
        lines=tuple(line for entry in entries for line in entry.lines),
    )
