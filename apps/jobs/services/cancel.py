"""Stopping a job: at once while it waits, through its worker while it runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from apps.jobs.models import Job, JobStatus
from apps.jobs.services.ended import announce, move

# Locks in the order of ids, as everybody does.
_CANCEL_WAITING = """
WITH waiting AS (
    SELECT id FROM jobs_job WHERE id = ANY(%s) AND status = 'queued' ORDER BY id FOR UPDATE
)
UPDATE jobs_job AS job SET status = 'cancelled', finished_at = clock_timestamp()
FROM waiting WHERE job.id = waiting.id
"""


class AlreadyFinished(Exception):
    """The job has ended. Permanent: nothing is left to stop."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Of many jobs: how many are stopped, and how many will be by their workers."""

    at_once: int
    asked: int


def cancel(*, job_id: UUID) -> Job:
    """Cancel a waiting job; ask the worker of a running one, which stops it within a second or two.

    Asking twice is no error. A running job whose answer comes first succeeds.
    Raises `AlreadyFinished`, and `Job.DoesNotExist`.
    """
    # A job may move between the two statements; the second look then finds it where it went.
    for _ in range(2):
        done = cancel_all(job_ids=[job_id])
        if done.at_once or done.asked:
            return Job.objects.get(pk=job_id)
    job = Job.objects.get(pk=job_id)
    raise AlreadyFinished(f"The job has ended: {job.get_status_display().lower()}.")


def cancel_all(*, job_ids: Sequence[UUID]) -> Cancelled:
    """Cancel those that wait, ask the workers of those that run; finished ones are left alone."""
    at_once = _cancel_waiting(job_ids)
    return Cancelled(at_once, ask_workers(Job.objects.filter(pk__in=job_ids)))


@transaction.atomic
def ask_workers(jobs: "QuerySet[Job]") -> int:
    """Ask the workers of those that run to stop them; how many."""
    running = jobs.filter(status=JobStatus.RUNNING).order_by("pk").select_for_update(no_key=True)
    ids = list(running.values_list("pk", flat=True))
    return Job.objects.filter(pk__in=ids).update(cancel_requested=True)


@transaction.atomic
def _cancel_waiting(job_ids: Sequence[UUID]) -> int:
    cancelled = move(_CANCEL_WAITING, [list(job_ids)])
    announce(cancelled)
    return len(cancelled)
