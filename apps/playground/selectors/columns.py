"""What came of a run, column by column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db.models import Sum

from apps.core.money import Pico
from apps.evals.checks.structured import json_schema
from apps.evals.types import Answer, Check, CheckKind
from apps.jobs import live
from apps.jobs.models import OPEN_STATUSES, Job, JobStatus
from apps.jobs.waiting import waiting_of
from apps.ledger.models import Attempt, Entry
from apps.playground.models import Run, Trial
from apps.prompts.models import PromptVersion


@dataclass(frozen=True, slots=True)
class Column:
    """What a page shows of a trial. Times in milliseconds. `valid`: whether the answer fits its
    schema; None without a schema."""

    trial: Trial
    status: str
    text: str = ""
    tools: str = ""
    is_open: bool = False
    waiting: str = ""
    is_stuck: bool = False
    """Whether it waits for something else than its turn."""
    code: str = ""
    error: str = ""
    finish_reason: str = ""
    valid: bool | None = None
    why_invalid: str = ""
    latency_ms: int | None = None
    first_token_ms: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_pico: Pico = 0
    model: str = ""
    deployment: str = ""
    provider: str = ""
    cache: str = ""
    attempts: int = 0


def columns_of(run: Run) -> list[Column]:
    """Each column as it stands. Costs are the ledger's."""
    trials = list(run.trials.select_related("version__prompt").order_by("position"))
    ids = [trial.job_id for trial in trials]
    jobs = Job.objects.filter(pk__in=ids).select_related("payload").in_bulk()
    running = [job.pk for job in jobs.values() if job.status == JobStatus.RUNNING]
    texts, costs, attempts = live.said(running), costs_of(ids), _last_attempts(ids)
    found = []
    for trial in trials:
        job = jobs[trial.job_id]
        column = Column(trial, job.status, cost_pico=costs.get(job.pk, 0), attempts=job.attempts)
        column = _with_attempt(column, attempts.get(job.pk))
        is_open = job.status in OPEN_STATUSES
        found.append(_open(column, job, texts) if is_open else _ended(column, job))
    return found


def costs_of(job_ids: Sequence[UUID]) -> dict[UUID, Pico]:
    """What was booked for each until now."""
    entries = Entry.objects.order_by().filter(job_id__in=job_ids).values("job_id")
    sums = entries.annotate(sum=Sum("amount_pico"))
    return {row["job_id"]: int(row["sum"]) for row in sums if row["job_id"] is not None}


def _last_attempts(job_ids: Sequence[UUID]) -> dict[UUID | None, Attempt]:
    rows = Attempt.objects.filter(job_id__in=job_ids).order_by("started_at", "id")
    return {attempt.job_id: attempt for attempt in rows}


def _with_attempt(column: Column, attempt: Attempt | None) -> Column:
    if attempt is None:
        return column
    return replace(
        column,
        latency_ms=_milliseconds(attempt.started_at, attempt.ended_at),
        first_token_ms=attempt.first_token_ms,
        model=attempt.model,
        deployment=attempt.deployment,
        provider=attempt.provider,
    )


def _open(column: Column, job: Job, texts: Mapping[UUID, str]) -> Column:
    text = texts.get(job.pk, "")
    waiting = None if text or job.status == JobStatus.RUNNING else waiting_of(job)
    return replace(
        column,
        is_open=True,
        text=text,
        latency_ms=None,
        waiting=waiting.message if waiting else "",
        is_stuck=waiting is not None and waiting.reason != "queued",
    )


def _ended(column: Column, job: Job) -> Column:
    column = replace(column, code=job.error_code, error=job.error)
    result = (job.payload.result if hasattr(job, "payload") else None) or {}
    if job.status != JobStatus.SUCCEEDED:
        return column
    text = str(result.get("text") or "")
    calls = (result.get("message") or {}).get("tool_calls")
    column = replace(
        column,
        text=text,
        tools=orjson.dumps(calls, option=orjson.OPT_INDENT_2).decode() if calls else "",
        finish_reason=str(result.get("finish_reason") or ""),
        latency_ms=_latency(column, job),
        input_tokens=job.input_tokens,
        output_tokens=job.output_tokens,
        model=str(result.get("model") or column.model),
        deployment=job.deployment or column.deployment,
        cache=job.cache,
    )
    return _judged(column, _schema(job, column.trial.version), text)


def _latency(column: Column, job: Job) -> int | None:
    """Of the call that answered; of the whole run when the cache did."""
    if column.latency_ms is not None:
        return column.latency_ms
    return _milliseconds(job.started_at, job.finished_at)


def _schema(job: Job, version: PromptVersion | None) -> Any:
    """A draft's call carries it; a sealed version has kept it."""
    asked = job.payload.request if hasattr(job, "payload") else {}
    if asked.get("prompt"):
        return version.response_schema if version else None
    return asked.get("response_schema")


def _judged(column: Column, schema: Any, text: str) -> Column:
    if not schema:
        return column
    check = Check(CheckKind.JSON_SCHEMA, value=orjson.dumps(schema).decode())
    mark = json_schema(check, Answer(text), None)
    return replace(column, valid=mark.score == 1, why_invalid=mark.reason)


def _milliseconds(start: datetime | None, end: datetime | None) -> int | None:
    return None if start is None or end is None else int((end - start).total_seconds() * 1000)
