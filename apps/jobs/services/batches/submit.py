"""Accepting a batch: all of its rows or none, in memory that does not grow with them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import islice
from uuid import UUID

from django.db import transaction

from apps.access.types import Caller
from apps.core.clock import db_now
from apps.core.faults import Fault
from apps.core.ids import uuid7
from apps.gateway.config import Config, web_config
from apps.gateway.types import CallRefused
from apps.jobs import specs
from apps.jobs.models import Batch, Job, JobPayload
from apps.jobs.services import doorbell
from apps.jobs.services.submit import IdempotencyKeyReused, new_job, prepare_call
from apps.jobs.types import Draft

MAX_ROWS = 10_000
MAX_FAULTS = 100  # that an answer lists
CHUNK = 500  # rows of one insert

# A row as its edge read it: a draft, or what is wrong with it.
Row = Draft | Sequence[Fault]


class BatchRefused(Exception):
    """Nothing was accepted. `faults` has the first of them, row by row. Permanent."""

    def __init__(self, message: str, faults: Sequence[Fault]) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class BatchDraft:
    caller: Caller
    fingerprint: str
    request_id: str
    idempotency_key: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    notify: bool = True


@dataclass(frozen=True, slots=True)
class SubmittedBatch:
    batch: Batch
    created: bool
    """False: the key was used before, and this is the batch of then."""


class _Raced(Exception):
    """Another request with the same key was faster."""


def submit_batch(*, draft: BatchDraft, rows: Iterable[Row]) -> SubmittedBatch:
    """Accept every row as a job; when this returns, all are durable.

    Reads `rows` once, a part at a time. Raises `BatchRefused` with the faults of all rows (nothing
    is stored), `IdempotencyKeyReused`, and `django.db.OperationalError` while the database is away.
    """
    if (earlier := _earlier(draft)) is not None:
        return _replayed(earlier, draft)
    try:
        return SubmittedBatch(_accept(draft, rows), created=True)
    except _Raced:
        return _replayed(_earlier(draft), draft)


@transaction.atomic
def _accept(draft: BatchDraft, rows: Iterable[Row]) -> Batch:
    """One transaction: rows are inserted while they are sound, and taken back if one is not.

    The batch itself comes last, when its size is known; its jobs' foreign keys are checked at the
    commit.
    """
    batch_id, now = uuid7(), db_now()
    faults = _Faults()
    jobs = _jobs(rows, batch_id, faults, now, web_config().current)
    priorities: set[int] = set()
    total = 0
    while chunk := list(islice(jobs, CHUNK)):
        total += len(chunk)
        if not faults.rows:
            priorities |= {job.priority for job, _ in chunk}
            Job.objects.bulk_create([job for job, _ in chunk])
            JobPayload.objects.bulk_create([payload for _, payload in chunk])
    faults.raise_any(total)
    for priority in priorities:
        transaction.on_commit(partial(doorbell.ring, priority=priority), robust=True)
    return _insert(draft, batch_id, total, now)


class _Faults:
    """The first faults, and how many rows have some."""

    def __init__(self) -> None:
        self.first: list[Fault] = []
        self.rows = 0

    def add(self, faults: Sequence[Fault], index: int) -> None:
        self.rows += 1
        room = MAX_FAULTS - len(self.first)
        prefix = f"/jobs/{index}"
        self.first += [
            replace(fault, pointer=f"{prefix}{fault.pointer}") for fault in faults[:room]
        ]

    def raise_any(self, total: int) -> None:
        if self.rows:
            of = total + self.rows
            text = f"Rows with faults: {self.rows} of {of}. Nothing was accepted."
            raise BatchRefused(text, self.first)
        if not total:
            raise BatchRefused("The batch is empty.", [Fault("/jobs", "No rows.", "empty")])


def _jobs(
    rows: Iterable[Row], batch_id: UUID, faults: _Faults, now: datetime, config: Config
) -> Iterator[tuple[Job, JobPayload]]:
    """The rows of sound drafts; what is wrong with the others goes to `faults`."""
    for index, row in enumerate(rows):
        if index >= MAX_ROWS:
            text = f"A batch has at most {MAX_ROWS:,} rows."
            raise BatchRefused(text, [Fault("/jobs", text, "too_many")])
        if not isinstance(row, Draft):
            faults.add(row, index)
            continue
        try:
            prepared = prepare_call(row.caller, row.spec, row.request_id, config=config)
        except CallRefused as refusal:
            faults.add(refusal.faults or [Fault("", refusal.message, refusal.code)], index)
            continue
        job = new_job(row, prepared, now=now)
        job.batch_id, job.batch_index = batch_id, index
        yield job, JobPayload(job=job, request=specs.to_json(row.spec))


def _insert(draft: BatchDraft, batch_id: UUID, total: int, now: datetime) -> Batch:
    batch = Batch(
        id=batch_id,
        service_id=draft.caller.service_id,
        idempotency_key=draft.idempotency_key,
        fingerprint=draft.fingerprint,
        request_id=draft.request_id,
        metadata=dict(draft.metadata),
        notify=draft.notify,
        total=total,
        created_at=now,
    )
    Batch.objects.bulk_create([batch], ignore_conflicts=True)
    if not Batch.objects.filter(pk=batch_id).exists():
        raise _Raced
    return batch


def _earlier(draft: BatchDraft) -> Batch | None:
    if draft.idempotency_key is None:
        return None
    return Batch.objects.filter(
        service_id=draft.caller.service_id, idempotency_key=draft.idempotency_key
    ).first()


def _replayed(batch: Batch | None, draft: BatchDraft) -> SubmittedBatch:
    if batch is None:
        raise LookupError("A unique key collided, and nobody holds it.")
    if batch.fingerprint != draft.fingerprint:
        raise IdempotencyKeyReused("This Idempotency-Key was used with another request.")
    return SubmittedBatch(batch, created=False)
