"""How far a batch is: counts that move in the transactions that end its jobs.

One update for each batch and transaction, after the rows of its jobs are locked and in the order of
ids, so that transactions queue at a batch's row for no longer than a commit and never in a circle.
"""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from apps.jobs.models import Batch
from apps.jobs.services.webhooks import outbox

_STATUSES = ("succeeded", "failed", "cancelled", "expired")
_COUNT = """
UPDATE jobs_batch
SET succeeded = succeeded + %(succeeded)s, failed = failed + %(failed)s,
    cancelled = cancelled + %(cancelled)s, expired = expired + %(expired)s,
    finished_at = CASE
        WHEN succeeded + failed + cancelled + expired + %(all)s = total THEN clock_timestamp()
    END
WHERE id = %(id)s
RETURNING finished_at IS NOT NULL AND notify
"""


def count(ended: Sequence[tuple[UUID | None, str]]) -> None:
    """Count jobs that ended: batch and status of each. Whoever counts the last one tells."""
    for batch_id in _move(ended, 1):
        outbox.put_batch(Batch.objects.get(pk=batch_id))


def take_back(queued: Sequence[tuple[UUID | None, str]]) -> None:
    """Jobs that had ended so wait again: their batches are open once more."""
    _move(queued, -1)
    again = {batch_id for batch_id, _ in queued if batch_id is not None}
    Batch.objects.filter(pk__in=again).update(cancel_requested=False)


def _move(jobs: Sequence[tuple[UUID | None, str]], sign: int) -> list[UUID]:
    """The batches that this finished, of those that want it told."""
    counts: dict[UUID, Counter[str]] = {}
    for batch_id, status in jobs:
        if batch_id is not None:
            counts.setdefault(batch_id, Counter())[status] += sign
    finished = []
    with connection.cursor() as cursor:
        for batch_id in sorted(counts):
            moved = {status: counts[batch_id][status] for status in _STATUSES}
            cursor.execute(_COUNT, {**moved, "all": sum(moved.values()), "id": batch_id})
            if cursor.fetchone()[0]:
                finished.append(batch_id)
    return finished
