"""Runs in tests: a service that pays, cases that answer, and jobs that end as a test says."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.core.clock import db_now
from apps.core.money import PICO
from apps.evals.models import EvalRun
from apps.evals.services.advancing import advance
from apps.evals.services.runs import Plan, start_run
from apps.jobs.models import OPEN_STATUSES, Batch, Job, JobPayload

LONG = timedelta(minutes=1)


def start(plan: Plan, *, cap: int = PICO, age: timedelta = LONG) -> EvalRun:
    """A run that was started `age` ago, so that each process knows its budget."""
    return start_run(plan=plan, cost_cap_pico=cap, by=None, now=db_now() - age)


def step(run: EvalRun, times: int = 1) -> EvalRun:
    for _ in range(times):
        advance(run_id=run.pk)
    run.refresh_from_db()
    return run


def end_jobs(says: Callable[[Job], str | None], *, cost_pico: int = 7) -> int:
    """End every open job: with the text that `says` returns, or failed for None. How many."""
    jobs = list(Job.objects.filter(status__in=OPEN_STATUSES).select_related("payload"))
    for job in jobs:
        end_job(job, says(job), cost_pico=cost_pico)
    return len(jobs)


def end_job(job: Job, text: str | None, *, cost_pico: int = 7, **values: Any) -> None:
    now = timezone.now()
    failed = {"error_code": "upstream_error", "error": "It broke."}
    changes: dict[str, Any] = {"status": "failed", **failed} if text is None else {}
    changes = {"status": "succeeded", "output_tokens": 3, "input_tokens": 5} | changes | values
    Job.objects.filter(pk=job.pk).update(
        started_at=now, finished_at=now, lease_until=None, cost_pico=cost_pico, **changes
    )
    if text is not None:
        result = {"text": text, "finish_reason": "stop", "message": {"content": text}}
        JobPayload.objects.filter(job=job).update(result=result)
    if not Job.objects.filter(batch_id=job.batch_id, status__in=OPEN_STATUSES).exists():
        ended = Job.objects.filter(batch_id=job.batch_id)
        counts = {
            name: ended.filter(status=name).count()
            for name in ("succeeded", "failed", "cancelled", "expired")
        }
        Batch.objects.filter(pk=job.batch_id).update(finished_at=now, **counts)


def variables_of(job: Job) -> dict[str, Any]:
    return job.payload.request["variables"]


def run_through(plan: Plan, says: Callable[[Job], str | None]) -> EvalRun:
    """Start it and let everything be answered at once, judges too."""
    run = start(plan)
    step(run)
    while end_jobs(says):
        step(run)
    return step(run)
