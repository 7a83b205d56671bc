"""From a gathered batch to one at the provider, sent once whenever the process dies.

The provider knows a batch by our id, so one that was created unheard of is found again. When it is
not found, its file is deleted first: from a file that is gone nothing can be created, not even by a
request that is still on its way. Only then is it sent anew.
"""

from collections.abc import Sequence

import structlog
from django.db.models.functions import Now

from apps.core.clock import db_now
from apps.jobs.models import ProviderBatch, ProviderBatchRow, SendState
from apps.jobs.services.provider_batches import times
from apps.jobs.services.provider_batches.owning import keep
from apps.providers.batches import BatchApi, RemoteBatch
from apps.providers.errors import ErrorKind, ProviderError

# Whatever else a create fails with, the provider may have made the batch.
_NOT_CREATED = (
    ErrorKind.CONNECT,
    ErrorKind.RATE_LIMITED,
    ErrorKind.BAD_REQUEST,
    ErrorKind.AUTH,
    ErrorKind.NOT_FOUND,
    ErrorKind.CONTEXT_TOO_LONG,
    ErrorKind.CONTENT_REFUSED,
    ErrorKind.REFUSED,
)
log = structlog.get_logger(__name__)


def send(batch: ProviderBatch, rows: Sequence[ProviderBatchRow], api: BatchApi) -> None:
    """Upload the rows and create the batch. Raises `ProviderError`; the batch's state then says
    whether the provider may have it, and `NotOurs`."""
    if not batch.input_file_id:
        keep(batch, input_file_id=api.upload([row.line for row in rows]))
    keep(batch, state=SendState.CREATING, creating_at=Now())
    try:
        remote = api.create(file_id=batch.input_file_id, marker=str(batch.pk))
    except ProviderError as error:
        if error.kind in _NOT_CREATED:
            keep(batch, state=SendState.GATHERED)
        raise
    adopt(batch, remote)


def find(batch: ProviderBatch, api: BatchApi) -> None:
    """What became of a create whose answer nobody heard. Raises `ProviderError`, `NotOurs`."""
    if _adopted(batch, api):
        return
    if batch.creating_at is None or db_now() < batch.creating_at + times.SETTLED:
        return
    if batch.input_file_id:
        api.delete(batch.input_file_id)
    if not _adopted(batch, api):
        keep(batch, state=SendState.GATHERED, input_file_id="")


def adopt(batch: ProviderBatch, remote: RemoteBatch) -> None:
    """The provider has it, under this id."""
    keep(
        batch,
        state=SendState.SENT,
        remote_id=remote.id,
        remote_status=remote.status,
        sent_at=Now(),
    )
    batch.rows.update(line="")


def _adopted(batch: ProviderBatch, api: BatchApi) -> bool:
    found = sorted(api.find(str(batch.pk)), key=lambda remote: remote.status == "failed")
    if not found:
        return False
    if len(found) > 1:
        log.error("provider_batch_found_twice", batch=str(batch.pk), ids=[r.id for r in found])
    adopt(batch, found[0])
    return True
