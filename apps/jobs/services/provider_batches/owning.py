"""Whose batch it is to look after: one process at a time, until its lease runs out."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models.functions import Now

from apps.jobs.models import ProviderBatch
from apps.jobs.services.provider_batches import times

_OWN = """
WITH due AS (
    SELECT id FROM jobs_providerbatch
    WHERE state <> 'ended' AND next_look_at <= clock_timestamp() AND id <> ALL(%(seen)s::uuid[])
      AND (lease_until IS NULL OR lease_until < clock_timestamp())
    ORDER BY next_look_at LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE jobs_providerbatch AS batch
SET fence = batch.fence + 1, lease_until = clock_timestamp() + %(lease)s
FROM due WHERE batch.id = due.id
RETURNING batch.id
"""


class NotOurs(Exception):
    """Somebody else looks after the batch by now."""


def own(*, seen: Iterable[UUID] = ()) -> ProviderBatch | None:
    """A batch that is due, and ours for a while; none of those that were `seen`."""
    with connection.cursor() as cursor:
        values: Any = {"seen": list(seen), "lease": times.OWNED}
        cursor.execute(_OWN, values)
        row = cursor.fetchone()
    return ProviderBatch.objects.get(pk=row[0]) if row else None


def keep(batch: ProviderBatch, **changes: Any) -> None:
    """Write what is known, and stay the owner for a while. Raises `NotOurs`."""
    _write(batch, lease_until=Now() + times.OWNED, **changes)


def let_go(batch: ProviderBatch, *, after: timedelta = times.LOOK, **changes: Any) -> None:
    """Somebody looks again `after` a while. Raises `NotOurs`."""
    _write(batch, lease_until=None, next_look_at=Now() + after, **changes)


def _write(batch: ProviderBatch, **changes: Any) -> None:
    ours = ProviderBatch.objects.filter(pk=batch.pk, fence=batch.fence)
    if not ours.update(**changes):
        raise NotOurs(str(batch.pk))
    batch.refresh_from_db()
