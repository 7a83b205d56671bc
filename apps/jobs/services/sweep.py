"""The sweeper: what dead workers, lost messages and passed deadlines left lying.

Any number of sweepers may run at once.

A lost job is taken over before anything else is done about it: the sweeper becomes its owner with
a new fence, so that its old worker, if it still lives, can no longer end it while the calls it
left open are resolved. A sweeper that dies meanwhile is itself swept when its lease runs out.
"""

from dataclasses import dataclass

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from apps.gateway.accounts import resolve_orphans
from apps.jobs.models import Job, JobStatus
from apps.jobs.services import doorbell
from apps.jobs.services.decisions import EXPIRED
from apps.jobs.services.ended import announce, move
from apps.jobs.services.finish import end_all
from apps.jobs.types import Ending, EndKind, Ticket

BATCH = 500

_TAKE_OVER = """
WITH lost AS (
    SELECT id FROM jobs_job
    WHERE status = 'running' AND lease_until < clock_timestamp()
    ORDER BY lease_until LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
UPDATE jobs_job AS job
SET fence = job.fence + 1, lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
FROM lost WHERE job.id = lost.id
RETURNING job.id, job.fence
"""
_EXPIRE = """
WITH overdue AS (
    SELECT id FROM jobs_job WHERE status = 'queued' AND deadline <= clock_timestamp()
    ORDER BY deadline LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
UPDATE jobs_job AS job
SET status = 'expired', finished_at = clock_timestamp(),
    error = CASE WHEN error_code = '' THEN 'The deadline passed before its turn came.'
                 ELSE left('The deadline passed. ' || error, 1000) END,
    error_code = %(code)s
FROM overdue WHERE job.id = overdue.id
"""


@dataclass(frozen=True, slots=True)
class Swept:
    lost: int
    expired: int
    rung: int


def sweep() -> Swept:
    """One round. Each part is its own transaction, so that one fault doesn't stop the others."""
    return Swept(lost=_rescue_lost(), expired=_expire_overdue(), rung=_ring_forgotten())


def _rescue_lost() -> int:
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_OVER, {"limit": BATCH, "lease": settings.JOB_LEASE_SECONDS})
        tickets = [Ticket(*row) for row in cursor.fetchall()]
    if tickets:
        resolve_orphans(job_ids=[ticket.job_id for ticket in tickets])
        end_all([Ending(ticket, EndKind.LOST) for ticket in tickets])
    return len(tickets)


@transaction.atomic
def _expire_overdue() -> int:
    expired = move(_EXPIRE, {"limit": BATCH, "code": EXPIRED})
    announce(expired)
    return len(expired)


def _ring_forgotten() -> int:
    """Ring for every priority that has a due job: its bell may be lost, or its pause is over."""
    due = Job.objects.filter(status=JobStatus.QUEUED, next_run_at__lte=Now())
    priorities = list(due.order_by("priority").values_list("priority", flat=True).distinct())
    for priority in priorities:
        doorbell.ring(priority=priority)
    return len(priorities)
