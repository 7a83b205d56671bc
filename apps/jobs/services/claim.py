"""Who owns a job: claiming, keeping and losing it. The database's clock decides, never ours."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection

from apps.access.models import Service
from apps.access.snapshot import caller_of
from apps.access.types import Caller
from apps.gateway.types import Pin
from apps.jobs import specs
from apps.jobs.models import Job, JobStatus, Priority
from apps.jobs.types import Claim, Ticket

# What a claim tells of a job, of `job`, `payload` and `chosen`.
CLAIMED = """
RETURNING job.id, job.fence, job.service_id, job.request_id,
          extract(epoch FROM job.deadline - clock_timestamp())::float8,
          job.prompt_version_id, job.prompt, job.prompt_version, job.arm, job.channel, job.phase,
          job.subject, job.on_unknown = 'retry',
          payload.request::text, chosen.suspect
"""

# One statement, so that no two workers can see a job as free. The CTE locks what it picks and
# passes over what others have locked. `started_at` keeps the first start: waiting ends there.
# Of suspects one at most is taken; without `alone` none.
_CLAIM = """
WITH due AS (
    SELECT id, priority, next_run_at, losses >= %(suspicious)s AS suspect FROM jobs_job
    WHERE status = 'queued' AND priority <= %(lowest)s
      AND next_run_at <= clock_timestamp() AND deadline > clock_timestamp()
      AND (%(alone)s OR losses < %(suspicious)s)
    ORDER BY priority, next_run_at, id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), chosen AS (
    SELECT id, suspect FROM due WHERE NOT suspect
    UNION ALL (
        SELECT id, suspect FROM due WHERE suspect ORDER BY priority, next_run_at, id LIMIT 1
    )
)
UPDATE jobs_job AS job
SET status = 'running', fence = job.fence + 1,
    lease_until = clock_timestamp() + make_interval(secs => %(lease)s),
    started_at = COALESCE(job.started_at, clock_timestamp())
FROM chosen LEFT JOIN jobs_jobpayload AS payload ON payload.job_id = chosen.id
WHERE job.id = chosen.id
"""
_CLAIM += CLAIMED

# The lease moves only while the fence is ours; jobs that come back are still ours. Rows are locked
# in one order, because heartbeat and admissions of a process do this at the same time.
_KEEP = """
WITH mine AS (
    SELECT job.id FROM jobs_job AS job
    JOIN unnest(%(ids)s::uuid[], %(fences)s::bigint[]) AS ticket(id, fence)
      ON job.id = ticket.id AND job.fence = ticket.fence
    WHERE job.status = 'running'
    ORDER BY job.id FOR NO KEY UPDATE OF job
)
UPDATE jobs_job AS job SET lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
FROM mine WHERE job.id = mine.id
RETURNING job.id, job.fence
"""


def suspicious() -> int:
    """So many lost runs make a job a suspect: more than half of those that it may lose."""
    return int(settings.JOB_MAX_ATTEMPTS + 1) // 2


def claim(*, limit: int, lowest: int = Priority.LOW, alone: bool = True) -> list[Claim]:
    """Own up to `limit` due jobs of priority `lowest` or more urgent, the most urgent first.

    Suspects went down several times together with the one that kills their worker, and together
    they would all be given up. So one at most is claimed, and none unless the process may run one
    now (`alone`).
    """
    values = {
        "limit": limit,
        "lowest": lowest,
        "lease": settings.JOB_LEASE_SECONDS,
        "suspicious": suspicious(),
        "alone": alone,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        return [claim_of(row) for row in cursor.fetchall()]


def callers_of(claims: Iterable[Claim], known: Mapping[int, Caller]) -> dict[int, Caller]:
    """From memory; a service made within the last second is read from the database."""
    wanted = {claim.service_id for claim in claims}
    found = {pk: known[pk] for pk in wanted if pk in known}
    new = Service.objects.filter(pk__in=wanted - set(found))
    rows = new.select_related("team", "cost_center", "tier") if wanted - set(found) else ()
    return found | {service.pk: caller_of(service) for service in rows}


def keep(tickets: Sequence[Ticket]) -> set[Ticket]:
    """Extend the lease of all jobs of a process; those that are no longer its own."""
    ids = [ticket.job_id for ticket in tickets]
    fences = [ticket.fence for ticket in tickets]
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, {"ids": ids, "fences": fences, "lease": settings.JOB_LEASE_SECONDS})
        return set(tickets) - {Ticket(*row) for row in cursor.fetchall()}


def lost(tickets: Sequence[Ticket]) -> set[Ticket]:
    """Those that may no longer be worked on, inside the caller's transaction; until that ends
    nobody can take the others over, and their leases begin anew."""
    return keep(tickets)


def to_be_cancelled() -> set[UUID]:
    """Running jobs, of any process, that somebody wants to stop."""
    stopping = Job.objects.filter(status=JobStatus.RUNNING, cancel_requested=True)
    return set(stopping.order_by().values_list("pk", flat=True))


def claim_of(row: Sequence[Any]) -> Claim:
    """From the columns of `CLAIMED`."""
    (
        job_id,
        fence,
        service_id,
        request_id,
        remaining,
        version_id,
        *pinned,
        again,
        text,
        suspect,
    ) = row
    return Claim(
        ticket=Ticket(job_id, fence),
        service_id=service_id,
        request_id=request_id,
        remaining=remaining,
        spec=specs.from_json(orjson.loads(text or "{}")),
        pin=Pin(version_id, *pinned) if version_id is not None else None,
        repeat_unknown=again,
        suspect=suspect,
    )
