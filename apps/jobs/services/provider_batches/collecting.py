"""A batch that is over at its provider: every row is resolved by what its files say."""

from collections.abc import Sequence

import structlog
from django.db.models.functions import Now

from apps.jobs.models import ProviderBatch, ProviderBatchRow, RowOutcome, SendState
from apps.jobs.services.provider_batches.booking import RowEnd, settle_rows
from apps.jobs.services.provider_batches.owning import keep
from apps.jobs.services.provider_batches.rows import Reader, open_rows, pins_of
from apps.providers.batch_results import Results, parse_results
from apps.providers.batches import BatchApi, RemoteBatch
from apps.providers.errors import ErrorKind, ProviderError
from apps.providers.types import Endpoint

PART = 200  # rows that are read and settled between two renewals of the lease
log = structlog.get_logger(__name__)


def collect(batch: ProviderBatch, remote: RemoteBatch, reader: Reader, endpoint: Endpoint) -> None:
    """Book what was answered, give back what was not run. Raises `ProviderError` when its files
    cannot be read now, and `NotOurs`."""
    api = BatchApi(endpoint)
    files = [_read(api, name) for name in (remote.output_file_id, remote.error_file_id) if name]
    results = parse_results(*[text for text in files if text is not None])
    if results.garbage and not results.lines:  # something else stood in for the file
        raise ProviderError(ErrorKind.BAD_RESPONSE, "its files hold no results")
    hidden = _hides_answers(remote, results) or None in files
    rows, unknown = open_rows(batch), 0
    for start in range(0, len(rows), PART):
        part = rows[start : start + PART]
        ends = _ends(part, results, hidden, remote, reader, endpoint)
        unknown += sum(end.outcome == RowOutcome.UNKNOWN for end in ends)
        settle_rows(ends)
        keep(batch)
    error = _summary(results, unknown, remote)
    if error:
        log.error("provider_batch_incomplete", batch=str(batch.pk), error=error)
    # Nobody needs them there any more; when the process dies here, no row is open for the next one.
    for name in (batch.input_file_id, remote.output_file_id, remote.error_file_id):
        _delete(api, name)
    finish(batch, error=error)


def give_back(batch: ProviderBatch, reader: Reader, why: str) -> None:
    """Nothing of it was ever sent."""
    settle_rows([reader.not_run(row, why) for row in open_rows(batch)])
    finish(batch, error=why)


def give_up(batch: ProviderBatch, reader: Reader) -> None:
    """Nobody will tell what became of it."""
    why = "The provider did not say what became of its batch."
    settle_rows([reader.unknown(row, why) for row in open_rows(batch)])
    finish(batch, error=why)


def finish(batch: ProviderBatch, *, error: str) -> None:
    batch.rows.exclude(line="").update(line="")
    keep(batch, state=SendState.ENDED, ended_at=Now(), error=error[:500])


def _ends(
    rows: Sequence[ProviderBatchRow],
    results: Results,
    hidden: bool,
    remote: RemoteBatch,
    reader: Reader,
    endpoint: Endpoint,
) -> list[RowEnd]:
    pin_of = pins_of(rows)
    ends = []
    for row in rows:
        line = results.lines.get(str(row.attempt_id))
        if line is not None:
            ends.append(reader.of_line(row, line, endpoint, pin_of(row.job_id)))
        elif hidden:
            ends.append(reader.unknown(row, "It may have been answered: its result is missing."))
        else:
            ends.append(reader.not_run(row, f"Not run: the batch was {remote.status}."))
    return ends


def _hides_answers(remote: RemoteBatch, results: Results) -> bool:
    """Whether it ran requests whose results we do not have."""
    return remote.status == "completed" or remote.completed > results.answered


def _read(api: BatchApi, file_id: str) -> bytes | None:
    """None: the file is gone for good."""
    try:
        return api.read(file_id)
    except ProviderError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            raise
        return None


def _delete(api: BatchApi, file_id: str) -> None:
    """Prompts and answers; a provider that keeps them is no reason to keep the jobs."""
    try:
        if file_id:
            api.delete(file_id)
    except ProviderError as error:
        log.warning("provider_file_not_deleted", file=file_id, error=str(error))


def _summary(results: Results, unknown: int, remote: RemoteBatch) -> str:
    parts = [remote.error] if remote.error else []
    if results.garbage:
        parts.append(f"Lines of results that could not be read: {results.garbage}.")
    if results.repeated:
        parts.append(f"Results that came twice, of which the first counts: {results.repeated}.")
    if unknown:
        parts.append(f"Rows that may have been answered, without a result: {unknown}.")
    return " ".join(parts)
