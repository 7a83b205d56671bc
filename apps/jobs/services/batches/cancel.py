"""Stopping a batch: what waits at once, what runs through its workers."""

from uuid import UUID

from django.db.models import QuerySet

from apps.jobs.models import Batch, Job, JobStatus
from apps.jobs.services.cancel import AlreadyFinished, Cancelled, ask_workers, cancel_all

CHUNK = 500  # jobs of one transaction


def cancel_batch(*, batch_id: UUID) -> Cancelled:
    """Cancel all that has not ended, part by part. Asking twice is no error.

    Raises `AlreadyFinished`, and `Batch.DoesNotExist`.
    """
    if Batch.objects.get(pk=batch_id).finished_at is not None:
        raise AlreadyFinished("The batch has finished.")
    Batch.objects.filter(pk=batch_id).update(cancel_requested=True)
    jobs = Job.objects.filter(batch_id=batch_id).order_by("pk")
    at_once = asked = 0
    # A job may move between the statements; the second look then finds it where it went.
    for _ in range(2):
        at_once += _cancel_waiting(jobs.filter(status=JobStatus.QUEUED))
        asked += ask_workers(jobs.filter(cancel_requested=False))
    return Cancelled(at_once, asked)


def _cancel_waiting(waiting: "QuerySet[Job]") -> int:
    done = 0
    while chunk := list(waiting.values_list("pk", flat=True)[:CHUNK]):
        done += cancel_all(job_ids=chunk).at_once
    return done
