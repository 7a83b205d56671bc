"""The end of a run. Only the newest claim of a running job may end it; anybody else is late.

Both functions lock their rows first, in one order, and decide on what they then see. A job's cost
is read from the ledger under that lock, so that it can't miss what a late run booked.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.db.models import OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from apps.core.clock import db_now
from apps.gateway.types import CallOutcome
from apps.jobs.models import Job, JobStatus
from apps.jobs.services.decisions import Decision, decide
from apps.jobs.services.ended import Moved, announce, move
from apps.jobs.types import Ending, Ticket
from apps.ledger.models import Attempt, AttemptStatus, Entry
from apps.prompts.types import OnUnknown

_SUCCEED = """
UPDATE jobs_job AS job
SET status = 'succeeded', finished_at = clock_timestamp(), lease_until = NULL,
    input_tokens = new.input_tokens, output_tokens = new.output_tokens, cache = new.cache,
    deployment = new.deployment, attempts = job.attempts + new.attempts,
    error_code = '', error = '', cancel_requested = false
FROM unnest(%s::uuid[], %s::int[], %s::int[], %s::text[], %s::text[], %s::int[])
     AS new(id, input_tokens, output_tokens, cache, deployment, attempts)
WHERE job.id = new.id
"""
_STORE = """
UPDATE jobs_jobpayload AS payload SET result = new.result::jsonb
FROM unnest(%s::uuid[], %s::text[]) AS new(id, result)
WHERE payload.job_id = new.id
"""
_END = """
UPDATE jobs_job AS job
SET status = new.status, next_run_at = COALESCE(new.next_run_at, job.next_run_at),
    finished_at = CASE WHEN new.status = 'queued' THEN NULL ELSE clock_timestamp() END,
    lease_until = NULL, attempts = job.attempts + new.attempts, losses = job.losses + new.losses,
    error_code = new.code, error = new.message, cancel_requested = false,
    lane = CASE WHEN new.status = 'queued' AND job.lane = 'batch' THEN 'returned' ELSE job.lane END
FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::int[], %s::int[])
     AS new(id, status, next_run_at, code, message, losses, attempts)
WHERE job.id = new.id
"""


def finish_all(answered: Sequence[tuple[Ticket, CallOutcome]]) -> list[bool]:
    """End runs that have an answer, inside the caller's transaction; False for each that is late.

    A late run's cost is booked to its job like any other; its answer is dropped.
    """
    jobs = _locked(ticket for ticket, _ in answered)
    fresh = [(ticket, outcome) for ticket, outcome in answered if _owns(jobs, ticket)]
    moved = _succeed(fresh) if fresh else []
    _book_costs(jobs)
    announce(moved)
    return [_owns(jobs, ticket) for ticket, _ in answered]


@transaction.atomic
def end_all(endings: Sequence[Ending]) -> list[bool]:
    """End runs without an answer: failed, waiting again or given back. False: late."""
    jobs = _locked(ending.ticket for ending in endings)
    _book_costs(jobs)
    costs = dict(Job.objects.filter(pk__in=list(jobs)).values_list("pk", "cost_pico"))
    spent = {pk for pk, job in jobs.items() if costs[pk] > job.cost_pico}
    fresh = [ending for ending in endings if _owns(jobs, ending.ticket)]
    if fresh:
        announce(_end(jobs, fresh, spent))
    return [_owns(jobs, ending.ticket) for ending in endings]


def _locked(tickets: Iterable[Ticket]) -> dict[UUID, Job]:
    ids = {ticket.job_id for ticket in tickets}
    rows = Job.objects.filter(pk__in=ids).order_by("pk").select_for_update()
    fields = (
        "status",
        "fence",
        "deadline",
        "losses",
        "cancel_requested",
        "cost_pico",
        "on_unknown",
    )
    return {job.pk: job for job in rows.only(*fields)}


def _owns(jobs: dict[UUID, Job], ticket: Ticket) -> bool:
    job = jobs.get(ticket.job_id)
    return job is not None and job.status == JobStatus.RUNNING and job.fence == ticket.fence


def _succeed(answered: Sequence[tuple[Ticket, CallOutcome]]) -> list[Moved]:
    ids = [ticket.job_id for ticket, _ in answered]
    outcomes = [outcome for _, outcome in answered]
    columns: list[list[Any]] = [
        [outcome.input_tokens for outcome in outcomes],
        [outcome.output_tokens for outcome in outcomes],
        [outcome.cache.value for outcome in outcomes],
        [outcome.deployment for outcome in outcomes],
        [outcome.attempts for outcome in outcomes],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_STORE, [ids, [_result(outcome) for outcome in outcomes]])
    return move(_SUCCEED, [ids, *columns])


def _result(outcome: CallOutcome) -> str:
    choices = outcome.body.get("choices") or [{}]
    result = {
        "text": outcome.text,
        "finish_reason": outcome.finish_reason,
        "message": choices[0].get("message"),
        "model": outcome.model,
        "usage": dict(outcome.usage),
    }
    if outcome.fit is not None:
        result["fit"] = asdict(outcome.fit)
    # A model may say NUL, which Postgres can't store.
    return orjson.dumps(_without_nul(result)).decode()


def _without_nul(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    return value


def _end(jobs: dict[UUID, Job], endings: Sequence[Ending], spent: set[UUID]) -> list[Moved]:
    now, limit = db_now(), settings.JOB_MAX_ATTEMPTS
    unknown = _with_unknown_outcome(jobs.values())
    decisions: list[Decision] = []
    for ending in endings:
        job = jobs[ending.ticket.job_id]
        decisions.append(
            decide(
                job,
                ending,
                spent=job.pk in spent,
                now=now,
                max_losses=limit,
                is_unknown=job.pk in unknown,
            )
        )
    columns: list[list[Any]] = [
        [ending.ticket.job_id for ending in endings],
        [decision.status.value for decision in decisions],
        [decision.next_run_at for decision in decisions],
        [decision.code for decision in decisions],
        [decision.message.replace("\0", "")[:1000] for decision in decisions],
        [decision.losses for decision in decisions],
        [ending.attempts for ending in endings],
    ]
    return move(_END, columns)


def _with_unknown_outcome(jobs: Iterable[Job]) -> set[UUID | None]:
    """Jobs that may not be repeated, and have sent a request whose outcome nobody knows."""
    strict = [job.pk for job in jobs if job.on_unknown == OnUnknown.FAIL]
    if not strict:
        return set()
    open_ = (AttemptStatus.UNKNOWN, AttemptStatus.DISPATCHED)
    attempts = Attempt.objects.order_by().filter(job_id__in=strict, status__in=open_)
    return set(attempts.values_list("job_id", flat=True))


def _book_costs(jobs: Iterable[UUID]) -> None:
    """Set each job's cost to the sum of its ledger entries. Its row must be locked."""
    entries = Entry.objects.order_by().filter(job_id=OuterRef("pk")).values("job_id")
    total = entries.annotate(total=Sum("amount_pico")).values("total")
    Job.objects.filter(pk__in=list(jobs)).update(cost_pico=Coalesce(Subquery(total), 0))
