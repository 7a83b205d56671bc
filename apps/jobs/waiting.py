"""Where an unfinished job is, and why it waits, for the people who ask."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from apps.core.clock import db_now
from apps.jobs.models import Job, JobStatus, Lane, Priority, ProviderBatchRow
from apps.jobs.presence import SILENT_SECONDS, count_workers
from apps.jobs.services.claim import suspicious

MANY = 1_000  # jobs before it are counted up to here


@dataclass(frozen=True, slots=True)
class Waiting:
    """`reason` is a stable code: `running`, `stopping`, `queued`, `overdue`, `no_worker`, `suspect`
    (it may be the one that kills its worker), or the code of the refusal after which the job is
    tried again at `until`. `ahead`: jobs that are claimed before it, at most `MANY`."""

    reason: str
    message: str
    until: datetime | None = None
    ahead: int | None = None


def waiting_of(job: Job) -> Waiting | None:
    """None for a job that has ended."""
    if job.status == JobStatus.RUNNING:
        return _running(job)
    if job.status != JobStatus.QUEUED:
        return None
    now = db_now()
    if job.deadline <= now:
        return Waiting("overdue", "Its deadline has passed. It is ended in a moment.", job.deadline)
    return _paused(job) if job.next_run_at > now else _queued(job, now)


def _running(job: Job) -> Waiting:
    if job.lane == Lane.BATCH:
        return _in_batch(job)
    if job.cancel_requested:
        return Waiting("stopping", "It is being stopped.", job.lease_until)
    text = "A worker runs it. When that is not heard of until then, another one takes it over."
    return Waiting("running", text, job.lease_until)


def _in_batch(job: Job) -> Waiting:
    """In a provider's batch, which cannot be hurried; until then it goes the normal way."""
    if job.cancel_requested:
        return Waiting("stopping", "It leaves its provider's batch in a minute.", job.lease_until)
    rows = ProviderBatchRow.objects.filter(job_id=job.pk, fence=job.fence)
    row = rows.select_related("batch").first()
    if row is None:
        return Waiting("gathering", "It is put into a batch for a provider.", job.lease_until)
    batch, at = row.batch, row.batch.remote_status or "not sent yet"
    text = (
        f"In batch {batch.pk} at provider “{batch.provider}”, which says: {at}. "
        "It goes the normal way if it is not back by then."
    )
    return Waiting("provider_batch", text, row.leave_by)


def _paused(job: Job) -> Waiting:
    if job.lane == Lane.ALLOWED and not job.error:
        text = "It waits to be gathered for a provider's batch, or goes the normal way then."
        return Waiting("gathering", text, job.next_run_at)
    last = f" Last error: {job.error}" if job.error else ""
    return Waiting(job.error_code or "not_due", f"It is tried again then.{last}", job.next_run_at)


def _queued(job: Job, now: datetime) -> Waiting:
    if count_workers() == 0 and not _somebody_works(now):
        text = f"No worker was heard of in the last {SILENT_SECONDS} seconds. Start one."
        return Waiting("no_worker", text)
    if job.losses >= suspicious():
        text = (
            f"{job.losses} of its runs were lost: it waits for a worker without another such job."
        )
        return Waiting("suspect", text)
    ahead = _ahead(job, now)
    if not ahead:
        return Waiting("queued", "It is the next one that a worker takes.", ahead=0)
    number = f"{ahead} or more" if ahead == MANY else str(ahead)
    text = f"Jobs before it in the queue, more urgent or older: {number}."
    return Waiting("queued", text, ahead=ahead)


def _somebody_works(now: datetime) -> bool:
    """A lease that holds: Redis, which has just lost its memory, need not know its worker."""
    running = Job.objects.filter(status=JobStatus.RUNNING, lease_until__gt=now)
    return running.exclude(lane=Lane.BATCH).exists()


def _ahead(job: Job, now: datetime) -> int:
    """In the order of claims: priority, then due time, then id; never more than `MANY` are read."""
    due = Job.objects.filter(status=JobStatus.QUEUED, next_run_at__lte=now, deadline__gt=now)
    more_urgent = due.filter(priority__in=[p for p in Priority.values if p < job.priority])
    older = due.filter(priority=job.priority).filter(
        Q(next_run_at__lt=job.next_run_at) | Q(next_run_at=job.next_run_at, pk__lt=job.pk)
    )
    return min(
        MANY, sum(len(rows.order_by()[:MANY].values_list("pk")) for rows in (more_urgent, older))
    )
