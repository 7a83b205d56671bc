"""What jobs say that they cost, against the ledger."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from apps.ledger.types import Mismatch

# A job that runs again has costs that it does not tell yet.
_DIFFERENCES = """
    SELECT job.id, job.cost_pico, coalesce(sum(entry.amount_pico), 0)
    FROM jobs_job job LEFT JOIN ledger_entry entry ON entry.job_id = job.id
    WHERE job.finished_at >= %(start)s AND job.finished_at < %(end)s
    GROUP BY job.id
    HAVING job.cost_pico <> coalesce(sum(entry.amount_pico), 0)
    ORDER BY job.id
"""


def verify_costs(
    *, start: datetime | None = None, end: datetime | None = None
) -> Sequence[Mismatch]:
    """Finished jobs, from `start` to before `end`, whose cost is not the sum of their entries."""
    with connection.cursor() as cursor:
        cursor.execute(_DIFFERENCES, {"start": start or "-infinity", "end": end or "infinity"})
        return [
            Mismatch(f"Pico-USD of job {job}", int(recorded), int(computed))
            for job, recorded, computed in cursor.fetchall()
        ]
