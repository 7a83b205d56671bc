"""Whose turn it is. Two exports at once in the whole house: each is a thread of a worker, which has
calls to make.

A lease says that somebody is at it. Who dies leaves a lease that runs out, and the export is made
anew from the start: nothing of a file is kept before all of it is there.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from apps.core.clock import db_now
from apps.exports.models import Export, ExportStatus

LEASE = timedelta(seconds=60)
AT_ONCE = 2
MOST_TRIES = 3
_LOCK = 0x6578706F7274  # "export": claims come one after the other
_GIVEN_UP = (
    "It was begun three times and never ended; the workers' log says why. Ask for fewer days, or "
    "tell an operator."
)


@dataclass(frozen=True, slots=True)
class Claim:
    """An export that is ours while its lease lasts. `number` of the try is the fence: whoever was
    away too long has an old one."""

    export_id: UUID
    number: int

    def renew(self, *, done: int, total: int) -> bool:
        """Says how far it is; whether it is still ours."""
        values = {"rows_done": done, "rows_total": total, "lease_until": db_now() + LEASE}
        return bool(self.rows.update(**values))

    def fail(self, *, error: str) -> None:
        values = {"error": error[:500], "finished_at": db_now(), "lease_until": None}
        self.rows.update(status=ExportStatus.FAILED, **values)

    @property
    def rows(self) -> QuerySet[Export]:
        """The one row, if it is still ours."""
        return Export.objects.filter(
            pk=self.export_id, tries=self.number, status=ExportStatus.RUNNING
        )


@transaction.atomic
def claim() -> Claim | None:
    """The oldest that waits or was left, unless enough are being made."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    now = db_now()
    _give_up(now)
    running = Export.objects.filter(status=ExportStatus.RUNNING)
    if running.filter(lease_until__gte=now).count() >= AT_ONCE:
        return None
    due = Q(status=ExportStatus.QUEUED) | Q(status=ExportStatus.RUNNING, lease_until__lt=now)
    found = Export.objects.filter(due).order_by("pk").select_for_update(of=("self",)).first()
    if found is None:
        return None
    number = found.tries + 1
    Export.objects.filter(pk=found.pk).update(
        status=ExportStatus.RUNNING, tries=number, lease_until=now + LEASE, rows_done=0
    )
    return Claim(found.pk, number)


def _give_up(now: datetime) -> None:
    Export.objects.filter(
        status=ExportStatus.RUNNING, lease_until__lt=now, tries__gte=MOST_TRIES
    ).update(status=ExportStatus.FAILED, error=_GIVEN_UP, finished_at=now, lease_until=None)
