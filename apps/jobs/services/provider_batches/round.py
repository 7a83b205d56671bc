"""One round of the batch lane: gather what may wait, then look at every batch that is due."""

from collections.abc import Callable
from uuid import UUID

import structlog

from apps.core.clock import db_now
from apps.gateway.config import Config
from apps.gateway.dispatch import endpoint_of
from apps.jobs.models import ProviderBatch, ProviderBatchRow, SendState
from apps.jobs.services.provider_batches import collecting, sending, times
from apps.jobs.services.provider_batches.gather import gather
from apps.jobs.services.provider_batches.leaving import let_leave
from apps.jobs.services.provider_batches.owning import NotOurs, keep, let_go, own
from apps.jobs.services.provider_batches.rows import Reader
from apps.providers.batches import BatchApi
from apps.providers.errors import ProviderError
from apps.providers.types import Endpoint

MAX_FAILURES = 5  # to send, one after the other; then its jobs go the normal way
log = structlog.get_logger(__name__)


def run_round(*, config: Config, stopping: Callable[[], bool] = lambda: False) -> int:
    """Any number may run at once. How many batches were looked at, until `stopping`."""
    gather(config=config)
    seen: set[UUID] = set()
    while not stopping() and (batch := own(seen=seen)) is not None:
        seen.add(batch.pk)
        try:
            look_after(batch, config=config)
        except NotOurs:
            log.warning("provider_batch_lost", batch=str(batch.pk))
    return len(seen)


def look_after(batch: ProviderBatch, *, config: Config) -> None:
    """Take a batch that is ours as far as it goes now. Raises `NotOurs`."""
    deployment = config.registry.deployments.get(batch.deployment)
    if deployment is None:  # its jobs are taken over by the sweeper when their leases run out
        let_go(batch, error=f"There is no deployment “{batch.deployment}” any more.")
        return
    reader = Reader(batch, deployment)
    waiting = let_leave(batch, reader)
    try:
        _go_on(batch, reader, waiting, endpoint_of(deployment))
    except ProviderError as error:
        log.warning("provider_batch_failed", batch=str(batch.pk), error=str(error))
        _failed(batch, reader, error)
    else:
        if batch.state != SendState.ENDED:
            let_go(batch, failures=0)


def _go_on(
    batch: ProviderBatch, reader: Reader, waiting: list[ProviderBatchRow], endpoint: Endpoint
) -> None:
    api, is_late = BatchApi(endpoint), db_now() >= batch.return_by
    if batch.state == SendState.CREATING:
        sending.find(batch, api)
    elif batch.state == SendState.GATHERED and waiting and not is_late:
        sending.send(batch, waiting, api)
    elif batch.state == SendState.GATHERED:
        collecting.give_back(batch, reader, "Nobody was left to send it for in time.")
    else:
        _look(batch, reader, api, endpoint, must_end=is_late or not waiting)


def _look(
    batch: ProviderBatch, reader: Reader, api: BatchApi, endpoint: Endpoint, *, must_end: bool
) -> None:
    remote = api.get(batch.remote_id)
    keep(
        batch,
        remote_status=remote.status,
        remote_completed=remote.completed,
        remote_failed=remote.failed,
    )
    if remote.is_over:
        collecting.collect(batch, remote, reader, endpoint)
    elif must_end and batch.cancelled_at is None:
        api.cancel(batch.remote_id)
        keep(batch, cancelled_at=db_now())


def _failed(batch: ProviderBatch, reader: Reader, error: ProviderError) -> None:
    """Try again later; what was never sent goes the normal way when that cannot help."""
    failures = batch.failures + 1
    hopeless = not error.retryable or failures >= MAX_FAILURES
    if batch.state == SendState.GATHERED and hopeless:
        collecting.give_back(batch, reader, str(error))
    elif db_now() >= batch.created_at + times.GIVE_UP:
        collecting.give_up(batch, reader)
    else:
        let_go(batch, failures=failures, error=str(error)[:500])
