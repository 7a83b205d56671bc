"""Jobs that may wait become a batch: attempts, holds and rows are one commit, before anything is
sent."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from apps.access.types import Caller
from apps.budgets.types import Held
from apps.core.clock import db_now
from apps.gateway.accounts import Admission, Superseded, admitter
from apps.gateway.batch_lane import Line, admission_to_lane, line_of
from apps.gateway.config import Config
from apps.gateway.types import Call, CallRefused
from apps.jobs.models import ProviderBatch, ProviderBatchRow
from apps.jobs.services.claim import callers_of
from apps.jobs.services.finish import end_all
from apps.jobs.services.provider_batches import taking, times
from apps.jobs.types import Claim, Ending, EndKind, Ticket

MAX_ROWS = 1_000
MAX_BYTES = 50 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Ready:
    ticket: Ticket
    deadline: datetime
    line: Line


def gather(*, config: Config) -> int:
    """Put jobs that have waited long enough into batches, with all others that may wait; how many
    jobs were taken. What the lane is not for goes the normal way at once."""
    if not taking.is_ripe():
        return 0
    claims = taking.take(limit=MAX_ROWS)
    now, callers = db_now(), callers_of(claims, config.callers)
    ready, endings = [], []
    for claim in claims:
        try:
            found = _ready(claim, callers, config, now)
        except CallRefused as refusal:
            endings.append(Ending.refused(claim.ticket, refusal))
            continue
        if found is None:
            endings.append(Ending(claim.ticket, EndKind.RETURNED))
        else:
            ready.append(found)
    for group in _groups(ready, now):
        endings += _commit(group, config, now)
    if endings:
        end_all(endings)
    return len(claims)


def _ready(
    claim: Claim, callers: Mapping[int, Caller], config: Config, now: datetime
) -> _Ready | None:
    deadline = now + timedelta(seconds=claim.remaining)
    call = Call(
        spec=claim.spec,
        caller=callers[claim.service_id],
        request_id=claim.request_id,
        deadline=deadline,
        pin=claim.pin,
        job_id=claim.ticket.job_id,
        completion=claim.ticket,
        repeat_unknown=claim.repeat_unknown,
    )
    line = line_of(call, config=config, now=now)
    return None if line is None else _Ready(claim.ticket, deadline, line)


def _groups(ready: Sequence[_Ready], now: datetime) -> Iterator[list[_Ready]]:
    """By deployment. Whoever has the least time decides when a batch comes back, so nobody in it
    has more than twice as much."""
    group: list[_Ready] = []
    size = 0
    for one in sorted(ready, key=lambda one: (one.line.ticket.deployment.slug, one.deadline)):
        first = group[0] if group else one
        other = one.line.ticket.deployment.slug != first.line.ticket.deployment.slug
        later = one.deadline - now > 2 * (first.deadline - now)
        size += len(one.line.text.encode())
        if group and (other or later or size > MAX_BYTES):
            yield group
            group, size = [], len(one.line.text.encode())
        group.append(one)
    if group:
        yield group


@transaction.atomic
def _commit(group: Sequence[_Ready], config: Config, now: datetime) -> list[Ending]:
    """The group as a batch; those whose hold does not fit go back, to wait for money as any job."""
    answers = admitter(taking.lost)([_admission(one, config, now) for one in group])
    held = [one for one, answer in zip(group, answers, strict=True) if isinstance(answer, Held)]
    if held:
        _write(held, now)
    return [
        Ending(one.ticket, EndKind.RETURNED)
        for one, answer in zip(group, answers, strict=True)
        if not isinstance(answer, Held | Superseded)
    ]


def _admission(one: _Ready, config: Config, now: datetime) -> Admission:
    ttl = (one.deadline - now).total_seconds() + settings.UNKNOWN_HOLD_SECONDS
    return admission_to_lane(one.line, config=config, ttl=ttl, due_at=one.deadline)


def _write(held: Sequence[_Ready], now: datetime) -> None:
    deployment = held[0].line.ticket.deployment
    batch = ProviderBatch.objects.create(
        deployment=deployment.slug,
        provider=deployment.provider,
        total=len(held),
        created_at=now,
        return_by=min(one.deadline for one in held) - times.RETURN,
        next_look_at=now,
    )
    ProviderBatchRow.objects.bulk_create(
        ProviderBatchRow(
            attempt_id=one.line.ticket.id,
            batch=batch,
            index=index,
            job_id=one.ticket.job_id,
            fence=one.ticket.fence,
            line=one.line.text,
            terms=one.line.terms.to_json(),
            leave_by=one.deadline - times.LEAVE,
        )
        for index, one in enumerate(held)
    )
    taking.lease([one.ticket for one in held])
