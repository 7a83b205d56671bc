"""Asking for an export, stopping one, noting who takes its file, taking files away."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.exports.models import OPEN, Chunk, Download, Export, ExportStatus
from apps.exports.types import ExportRefused
from apps.finance.query import Query

MOST_WAITING = 20
KEPT = timedelta(days=7)
_AT_ONCE = 100  # files deleted in one transaction


@transaction.atomic
def request_export(
    *, query: Query, form: str, now: datetime, by: Any = None, service: str = ""
) -> Export:
    """Put it into the queue, for a person or for the service whose key asks; a worker finds it
    within seconds. A range by name is that of today. Raises `ExportRefused`."""
    if Export.objects.filter(status=ExportStatus.QUEUED).count() >= MOST_WAITING:
        raise ExportRefused(
            f"{MOST_WAITING} exports wait already. Try again in a few minutes; the CSV of the cost "
            "report needs no waiting."
        )
    export = Export(
        made_by=by,
        service=service,
        question=replace(query, range="").address,
        zone=query.days.zone,
        format=form,
        made_at=now,
    )
    try:
        with transaction.atomic():
            export.save(force_insert=True)
    except IntegrityError as error:
        raise ExportRefused(
            "An export of yours waits or is being made, and it is one at a time. Wait for it, or "
            "stop it."
        ) from error
    return export


def stop_export(*, export_id: UUID, by: str, now: datetime) -> bool:
    """Whether there was something to stop; a file that is ready stays."""
    stopped = Export.objects.filter(pk=export_id, status__in=OPEN).update(
        status=ExportStatus.FAILED, error=f"Stopped by {by}.", finished_at=now, lease_until=None
    )
    return bool(stopped)


def note_download(*, export: Export, now: datetime, by: Any = None, service: str = "") -> None:
    """Who took a file away is part of the audit log, and stays when the file goes."""
    Download.objects.create(export=export, by=by, service=service, at=now)


@transaction.atomic
def delete_old_files(*, now: datetime) -> int:
    """Files go when they were kept for `KEPT`, their rows stay. How many went."""
    old = Export.objects.filter(
        status=ExportStatus.DONE, deleted_at=None, finished_at__lt=now - KEPT
    )
    keys = [row.pk for row in old.order_by("pk").select_for_update(skip_locked=True)[:_AT_ONCE]]
    Chunk.objects.filter(export__in=keys).delete()
    return Export.objects.filter(pk__in=keys).update(deleted_at=now)
