"""Accepting a job: once for each idempotency key, whatever is sent twice or at the same time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models.functions import Now

from apps.access.types import Caller
from apps.core.clock import now as clock_now
from apps.core.faults import Fault
from apps.core.ids import uuid7
from apps.gateway.batch_lane import may_take
from apps.gateway.config import Config, web_config
from apps.gateway.prepare import Prepared, prepare
from apps.gateway.types import CallRefused, CallSpec
from apps.jobs import specs
from apps.jobs.models import Job, JobPayload, Lane
from apps.jobs.services import doorbell
from apps.jobs.services.provider_batches import times
from apps.jobs.types import Draft
from apps.prompts.snapshot import load_version
from apps.prompts.types import OnUnknown, VersionNotLoaded


class IdempotencyKeyReused(Exception):
    """The key belongs to another request. Permanent: send a new key."""


@dataclass(frozen=True, slots=True)
class Submitted:
    job: Job
    created: bool
    """False: the key was used before, and this is the job of then."""


def submit(*, draft: Draft) -> Submitted:
    """Accept a job; when this returns, it is durable.

    Raises `CallRefused` for what can never run (nothing is stored), `IdempotencyKeyReused`, and
    `django.db.OperationalError` while the database is away (nothing is stored; retry).
    """
    if (earlier := _earlier(draft)) is not None:
        return _replayed(earlier, draft)
    prepared = _prepare(draft.caller, draft.spec, draft.request_id)
    with transaction.atomic():
        job = _insert(draft, prepared)
        if job is None:
            return _replayed(_earlier(draft), draft)
        # robust: the job is committed, whatever a broker's client may raise
        transaction.on_commit(partial(doorbell.ring, priority=job.priority), robust=True)
    return Submitted(job, created=True)


def faults(*, caller: Caller, spec: CallSpec, request_id: str) -> tuple[Fault, ...]:
    """What stands against `spec`, without accepting anything."""
    try:
        _prepare(caller, spec, request_id)
    except CallRefused as refusal:
        return refusal.faults or (Fault("", refusal.message, refusal.code),)
    return ()


def _prepare(caller: Caller, spec: CallSpec, request_id: str) -> Prepared:
    return prepare_call(caller, spec, request_id, config=web_config().current)


def prepare_call(caller: Caller, spec: CallSpec, request_id: str, *, config: Config) -> Prepared:
    """Stages 2 and 3 at acceptance. Raises `CallRefused` with every fault."""
    try:
        return prepare(spec, config=config, caller=caller, request_id=request_id)
    except VersionNotLoaded as missing:
        load_version(missing.version_id)
        return prepare(spec, config=config, caller=caller, request_id=request_id)


def _earlier(draft: Draft) -> Job | None:
    if draft.idempotency_key is None:
        return None
    return Job.objects.filter(
        service_id=draft.caller.service_id, idempotency_key=draft.idempotency_key
    ).first()


def _replayed(job: Job | None, draft: Draft) -> Submitted:
    if job is None:
        raise LookupError("A unique key collided, and nobody holds it.")
    if job.fingerprint != draft.fingerprint:
        raise IdempotencyKeyReused("This Idempotency-Key was used with another request.")
    return Submitted(job, created=False)


def _insert(draft: Draft, prepared: Prepared) -> Job | None:
    """The new job, or None when its key was taken meanwhile (that transaction has committed)."""
    new = new_job(draft, prepared)
    Job.objects.bulk_create([new], ignore_conflicts=True)
    job = Job.objects.filter(pk=new.pk).first()
    if job is None:
        return None
    JobPayload.objects.create(job=job, request=specs.to_json(draft.spec))
    return job


def new_job(draft: Draft, prepared: Prepared, *, now: datetime | None = None) -> Job:
    """The row of an accepted draft. All its times come from the database's clock, as processes'
    clocks may disagree: `now` is read from it."""
    moment = Now() if now is None else now
    pin, deadline = prepared.pin, draft.deadline
    waits = is_for_lane(draft, prepared)
    return Job(
        id=uuid7(),
        service_id=draft.caller.service_id,
        idempotency_key=draft.idempotency_key,
        fingerprint=draft.fingerprint,
        request_id=draft.request_id,
        prompt=pin.prompt if pin else "",
        prompt_version_id=pin.version_id if pin else None,
        prompt_version=pin.number if pin else 0,
        arm=pin.arm if pin else "",
        channel=pin.channel if pin else "",
        phase=pin.phase if pin else 0,
        subject=pin.subject if pin else "",
        model=prepared.spec.model,
        metadata=dict(draft.metadata),
        priority=draft.priority,
        notify=draft.notify,
        on_unknown=draft.on_unknown if prepared.repeat_unknown else OnUnknown.FAIL,
        # Whoever gathers does not look at this; after it the normal way is open too.
        next_run_at=moment + times.PATIENCE if waits else moment,
        lane=Lane.ALLOWED if waits else Lane.NORMAL,
        deadline=moment + deadline if isinstance(deadline, timedelta) else deadline,
        created_at=moment,
    )


def is_for_lane(draft: Draft, prepared: Prepared) -> bool:
    """Whether it may wait, has the time, and somebody who may answer it offers the lane."""
    deadline = draft.deadline
    left = deadline if isinstance(deadline, timedelta) else deadline - clock_now()
    return (
        draft.may_wait
        and left >= times.WORTH
        and any(may_take(prepared.spec, d, prepared.asked_tier) for d in prepared.candidates)
    )
