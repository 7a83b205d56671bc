"""A second chance for jobs that failed, given by a person."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Coalesce, Now

from apps.jobs.models import Job, JobStatus, Lane
from apps.jobs.services import doorbell, progress

RETRYABLE = (JobStatus.FAILED, JobStatus.EXPIRED)


@transaction.atomic
def retry(*, job_ids: Sequence[UUID]) -> int:
    """Queue failed and expired jobs again with as much time as they had at first; how many.

    The version and arm stay as pinned; what earlier runs cost stays booked.
    """
    chosen = Job.objects.filter(pk__in=job_ids, status__in=RETRYABLE)
    fields = ("pk", "priority", "batch_id", "status")
    locked = list(chosen.order_by("pk").select_for_update().values_list(*fields, named=True))
    for priority in {job.priority for job in locked}:
        transaction.on_commit(partial(doorbell.ring, priority=priority), robust=True)
    queued = Job.objects.filter(pk__in=[job.pk for job in locked]).update(
        status=JobStatus.QUEUED,
        losses=0,
        next_run_at=Now(),
        queued_at=Now(),
        deadline=Now() + (F("deadline") - Coalesce("queued_at", "created_at")),
        finished_at=None,
        error_code="",
        error="",
        lane=Case(When(lane=Lane.BATCH, then=Value(Lane.RETURNED)), default=F("lane")),
    )
    progress.take_back([(job.batch_id, job.status) for job in locked if job.batch_id])
    return queued
