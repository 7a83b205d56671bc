"""What follows the end of jobs, in the transaction that ends them, whichever way they ended."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction

from apps.jobs import metrics
from apps.jobs.models import OPEN_STATUSES
from apps.jobs.services import progress
from apps.jobs.services.webhooks import outbox

_RETURNING = """
RETURNING job.id, job.service_id, job.batch_id, job.notify, job.status, job.priority,
          job.created_at, job.started_at, job.finished_at
"""


class Moved(NamedTuple):
    """A job as a statement left it."""

    id: UUID
    service_id: int
    batch_id: UUID | None
    notify: bool
    status: str
    priority: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


def move(statement: str, values: Any) -> list[Moved]:
    """Run an UPDATE that calls its jobs `job`; what it moved."""
    with connection.cursor() as cursor:
        cursor.execute(statement + _RETURNING, values)
        return [Moved(*row) for row in cursor.fetchall()]


def announce(moved: Sequence[Moved]) -> None:
    """Tell of those that ended; the others only wait again.

    Comes last in its transaction, when rows and costs are as they will be read.
    """
    ended = [job for job in moved if job.status not in OPEN_STATUSES]
    if not ended:
        return
    outbox.put_jobs([(job.id, job.service_id, job.status) for job in ended if job.notify])
    # Behind the locks of jobs, and last, so that other ends wait for a batch's row but shortly.
    progress.count([(job.batch_id, job.status) for job in ended if job.batch_id])
    transaction.on_commit(partial(metrics.observe, [job[4:] for job in ended]))
