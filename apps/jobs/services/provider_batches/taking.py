"""Jobs for the lane: claimed as a worker claims them, with a lease until they must be back."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models.functions import Now

from apps.jobs.models import Job, JobStatus, Lane
from apps.jobs.services.claim import CLAIMED, claim_of, suspicious
from apps.jobs.services.provider_batches import times
from apps.jobs.types import Claim, Ticket

_TAKE = """
WITH chosen AS (
    SELECT id, false AS suspect FROM jobs_job
    WHERE status = 'queued' AND lane = 'allowed' AND losses < %(suspicious)s
      AND deadline > clock_timestamp() + %(worth)s
    ORDER BY deadline, id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
UPDATE jobs_job AS job
SET status = 'running', lane = 'batch', fence = job.fence + 1,
    lease_until = clock_timestamp() + %(lease)s,
    started_at = COALESCE(job.started_at, clock_timestamp())
FROM chosen LEFT JOIN jobs_jobpayload AS payload ON payload.job_id = chosen.id
WHERE job.id = chosen.id
"""
_LEASE = """
UPDATE jobs_job AS job SET lease_until = job.deadline - %(before)s
FROM unnest(%(ids)s::uuid[], %(fences)s::bigint[]) AS ticket(id, fence)
WHERE job.id = ticket.id AND job.fence = ticket.fence AND job.status = 'running'
RETURNING job.id, job.deadline
"""
_MINE = """
SELECT job.id, job.fence FROM jobs_job AS job
JOIN unnest(%(ids)s::uuid[], %(fences)s::bigint[]) AS ticket(id, fence)
  ON job.id = ticket.id AND job.fence = ticket.fence
WHERE job.status = 'running'
ORDER BY job.id FOR NO KEY UPDATE OF job
"""


def is_ripe() -> bool:
    """Whether a job has waited for others long enough."""
    waiting = Job.objects.filter(status=JobStatus.QUEUED, lane=Lane.ALLOWED)
    return waiting.filter(
        deadline__gt=Now() + times.WORTH, created_at__lte=Now() - times.GATHER
    ).exists()


def take(*, limit: int) -> list[Claim]:
    """Own up to `limit` jobs that may wait, those with the least time first."""
    values: dict[str, Any] = {
        "limit": limit,
        "worth": times.WORTH,
        "lease": times.TAKEN,
        "suspicious": suspicious(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_TAKE + CLAIMED, values)
        return [claim_of(row) for row in cursor.fetchall()]


def lost(tickets: Sequence[Ticket]) -> set[Ticket]:
    """Those whose jobs are somebody else's, inside the caller's transaction; the others stay ours
    until it ends."""
    with connection.cursor() as cursor:
        cursor.execute(_MINE, _of(tickets))
        return set(tickets) - {Ticket(*row) for row in cursor.fetchall()}


def lease(tickets: Sequence[Ticket]) -> set[UUID]:
    """The jobs are in a batch now: theirs is the time until they must be back."""
    with connection.cursor() as cursor:
        cursor.execute(_LEASE, _of(tickets) | {"before": times.LEASE})
        return {row[0] for row in cursor.fetchall()}


def _of(tickets: Sequence[Ticket]) -> dict[str, Any]:
    return {
        "ids": [ticket.job_id for ticket in tickets],
        "fences": [ticket.fence for ticket in tickets],
    }
