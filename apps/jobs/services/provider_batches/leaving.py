"""Jobs that leave their batch before it is back: stopped by somebody, or out of time."""

from collections.abc import Sequence
from typing import NamedTuple

from django.db import transaction

from apps.core.clock import db_now
from apps.jobs.models import Job, ProviderBatch, ProviderBatchRow, SendState
from apps.jobs.services.provider_batches.booking import RowEnd, settle_rows, ticket_of
from apps.jobs.services.provider_batches.rows import Reader, open_rows
from apps.jobs.services.provider_batches.taking import lost
from apps.jobs.types import EndKind

STOPPED = "Somebody asked for it to be stopped."
LATE = "The provider's batch was not back in time."
GONE = "Somebody else has taken the job over."


def let_leave(batch: ProviderBatch, reader: Reader) -> list[ProviderBatchRow]:
    """End what may not wait any longer; the rows whose jobs still wait in this batch.

    What was never sent cost nothing. Of anything else nobody knows yet: it is booked as an
    estimate, which the batch's results replace.
    """
    never_sent = batch.state == SendState.GATHERED
    # Of one that turned out not to be sent, also those that have left: now it is known.
    rows = [row for row in open_rows(batch) if never_sent or row.left_at is None]
    ends = [_end(reader, leaver, never_sent) for leaver in _leaving(rows)]
    settle_rows(ends)
    gone = {end.row.pk for end in ends}
    return [row for row in rows if row.pk not in gone]


class _Leaver(NamedTuple):
    row: ProviderBatchRow
    kind: EndKind
    why: str


def _end(reader: Reader, leaver: _Leaver, never_sent: bool) -> RowEnd:
    row, kind, why = leaver
    return reader.not_run(row, why, kind) if never_sent else reader.left(row, why, kind)


def _leaving(rows: Sequence[ProviderBatchRow]) -> list[_Leaver]:
    with transaction.atomic():
        gone, now = lost([ticket_of(row) for row in rows]), db_now()
    stopping = Job.objects.filter(pk__in=[row.job_id for row in rows], cancel_requested=True)
    stopped = set(stopping.values_list("pk", flat=True))
    found = []
    for row in rows:
        if ticket_of(row) in gone:
            found.append(_Leaver(row, EndKind.RETURNED, GONE))
        elif row.job_id in stopped:
            found.append(_Leaver(row, EndKind.CANCELLED, STOPPED))
        elif row.leave_by <= now:
            found.append(_Leaver(row, EndKind.RETURNED, LATE))
    return found
