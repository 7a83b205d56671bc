"""Stopping a job: at once while it waits, through its worker while it runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models.functions import Now

from apps.jobs.models import Job, JobStatus


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
    waiting = Job.objects.filter(pk=job_id, status=JobStatus.QUEUED)
    running = Job.objects.filter(pk=job_id, status=JobStatus.RUNNING)
    # A job may move between the two statements; the second look then finds it where it went.
    for _ in range(2):
        if waiting.update(status=JobStatus.CANCELLED, finished_at=Now()):
            return Job.objects.get(pk=job_id)
        if running.update(cancel_requested=True):
            return Job.objects.get(pk=job_id)
    job = Job.objects.get(pk=job_id)
    raise AlreadyFinished(f"The job has ended: {job.get_status_display().lower()}.")


def cancel_all(*, job_ids: Sequence[UUID]) -> Cancelled:
    """Cancel those that wait, ask the workers of those that run; finished ones are left alone."""
    chosen = Job.objects.filter(pk__in=job_ids)
    at_once = chosen.filter(status=JobStatus.QUEUED).update(
        status=JobStatus.CANCELLED, finished_at=Now()
    )
    asked = chosen.filter(status=JobStatus.RUNNING).update(cancel_requested=True)
    return Cancelled(at_once, asked)
