"""What moves a run on: each step is safe to run twice, so whoever dies leaves nothing half done.

A step locks the run, does a part, and commits; the next round of the beat goes on from there.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from apps.budgets.models import Budget
from apps.core.clock import db_now
from apps.evals.checks import grade, outcome_of, run_check
from apps.evals.judging import of_both_orders, read_verdict
from apps.evals.models import (
    OPEN_RUNS,
    EvalResult,
    EvalRun,
    Judgement,
    ResultState,
    Review,
    RunStatus,
)
from apps.evals.services.calls import baseline_answers, send_answers, send_judgements
from apps.evals.services.runs import stop
from apps.evals.stored import checks_of, outcomes_of
from apps.evals.types import JUDGED, Answer, Check, CheckKind, Mark, Outcome
from apps.jobs.models import OPEN_STATUSES, Job, JobStatus
from apps.jobs.services.batches.submit import BatchRefused

BUDGET_KNOWN = timedelta(seconds=5)
"""After so long each process knows the run's budget. Configuration is in force within a second; the
rest is for machines that are too busy to keep that."""
PART = 500  # answers that one step takes in
OVER_BUDGET = "budget_exceeded"


def advance_all() -> None:
    """Move every open run on. Runs are independent: one after the other, each in a transaction."""
    for pk in EvalRun.objects.filter(status__in=OPEN_RUNS).values_list("pk", flat=True):
        advance(run_id=pk)


@transaction.atomic
def advance(*, run_id: int) -> None:
    """One step of one run; nothing while somebody else is at it."""
    run = (
        EvalRun.objects.select_for_update(skip_locked=True, of=["self"])
        .select_related("service", "version")
        .filter(pk=run_id, status__in=OPEN_RUNS)
        .first()
    )
    if run is None:
        return
    if run.status == RunStatus.STARTING:
        _start(run)
        return
    left = _collect_answers(run) + _collect_judgements(run)
    if left:
        _stop_if_nothing_fits(run)
    elif run.status == RunStatus.STOPPING:
        _finish(run, RunStatus.CAPPED if run.capped else RunStatus.CANCELLED)
    elif not _ask_judges(run):
        _finish(run, RunStatus.FINISHED)


def regrade(result: EvalResult, checks: Sequence[Check], threshold: float) -> None:
    """From its outcomes to its score, in memory."""
    found = grade(checks, outcomes_of(result.outcomes), threshold=threshold)
    result.score, result.passed = found.score, found.passed
    result.state = ResultState.ANSWERED if found.passed is None else ResultState.GRADED


def _start(run: EvalRun) -> None:
    if db_now() < run.due_at + BUDGET_KNOWN:
        return
    rows = run.results.filter(state=ResultState.WAITING).select_related("case").order_by("id")
    waiting = list(rows)
    run.status = RunStatus.ANSWERING
    if waiting:
        _send(run, waiting)
    run.save()


def _send(run: EvalRun, waiting: Sequence[EvalResult]) -> None:
    try:
        with transaction.atomic():
            send_answers(run, waiting)
    except BatchRefused as refusal:  # what it needs was there when it started, and is gone
        why = "; ".join(str(fault) for fault in refusal.faults[:5]) or str(refusal)
        ids = [result.pk for result in waiting]
        EvalResult.objects.filter(pk__in=ids).update(
            state=ResultState.FAILED, error=why[:1000], error_code="refused"
        )
        run.status, run.outcome = RunStatus.STOPPING, f"Its calls were refused: {why}"[:500]


def _collect_answers(run: EvalRun) -> int:
    """Take in answers that came; how many are still waited for."""
    waiting = run.results.filter(state=ResultState.WAITING)
    jobs = _ended_jobs(waiting)
    results = list(waiting.filter(job_id__in=list(jobs)).select_related("case"))
    checks = checks_of(run.checks)
    tools = run.version.tools
    for result in results:
        _take(result, jobs[result.job_id], checks, tools, run.threshold)
    EvalResult.objects.bulk_update(results, _TAKEN, batch_size=PART)
    if run.status == RunStatus.STOPPING:  # those that were never sent
        waiting.filter(job_id=None).update(state=ResultState.FAILED, error_code="cancelled")
    return waiting.count()


_TAKEN = (
    "state",
    "answer",
    "message",
    "error_code",
    "error",
    "latency_ms",
    "cost_pico",
    "input_tokens",
    "output_tokens",
    "outcomes",
    "score",
    "passed",
)


def _ended_jobs(rows: Any) -> dict[Any, Job]:
    """By id, those of the rows that ended, with their payloads; a part of them."""
    ids = rows.exclude(job_id=None).values("job_id")
    jobs = Job.objects.filter(pk__in=ids).exclude(status__in=OPEN_STATUSES)
    return {job.pk: job for job in jobs.select_related("payload").order_by("pk")[:PART]}


def _take(
    result: EvalResult, job: Job, checks: Sequence[Check], tools: Any, threshold: float
) -> None:
    result.cost_pico = job.cost_pico
    result.latency_ms = _milliseconds(job.started_at, job.finished_at)
    said = _said(job)
    if job.status != JobStatus.SUCCEEDED or said is None:
        result.state = ResultState.FAILED
        result.error_code, result.error = job.error_code or job.status, job.error
        return
    result.input_tokens, result.output_tokens = job.input_tokens, job.output_tokens
    result.answer, result.message = said.get("text") or "", said.get("message")
    answer = Answer(
        text=result.answer,
        message=result.message or {},
        finish_reason=said.get("finish_reason") or "",
        latency_ms=result.latency_ms,
        cost_pico=result.cost_pico,
        output_tokens=result.output_tokens,
        tools=tools,
    )
    expected = result.case.expected
    result.outcomes = [run_check(check, answer, expected).as_json() for check in checks]
    regrade(result, checks, threshold)


def _ask_judges(run: EvalRun) -> bool:
    """Send what judges have not seen yet; whether there was anything."""
    checks = checks_of(run.checks)
    judged = {i: check for i, check in enumerate(checks) if check.kind in JUDGED}
    if not judged:
        return False
    _make_judgements(run, judged)
    rows = Judgement.objects.filter(result__run=run, done=False, job_id=None)
    pending = list(rows.select_related("result__case").order_by("id"))
    if not pending:
        return False
    run.status = RunStatus.JUDGING
    try:
        with transaction.atomic():
            send_judgements(run, pending)
    except BatchRefused as refusal:
        why = "; ".join(str(fault) for fault in refusal.faults[:5]) or str(refusal)
        rows.update(done=True, reason=f"The judge could not be asked: {why}"[:1000])
        run.outcome = f"The judge could not be asked: {why}"[:500]
    run.save()
    return True


def _make_judgements(run: EvalRun, judged: Mapping[int, Check]) -> None:
    baseline = baseline_answers(run)
    made = []
    for result in run.results.filter(state=ResultState.ANSWERED):
        for index, check in judged.items():
            if check.kind == CheckKind.JUDGE_RUBRIC:
                made.append(Judgement(result=result, check_index=index))
            elif (result.case_id, result.repeat) in baseline:
                made += [
                    Judgement(result=result, check_index=index, swapped=swapped)
                    for swapped in (False, True)
                ]
    Judgement.objects.bulk_create(made, batch_size=PART, ignore_conflicts=True)


def _collect_judgements(run: EvalRun) -> int:
    waiting = Judgement.objects.filter(result__run=run, done=False).exclude(job_id=None)
    jobs = _ended_jobs(waiting)
    rows = list(waiting.filter(job_id__in=list(jobs)))
    checks = checks_of(run.checks)
    for row in rows:
        _take_judgement(row, jobs[row.job_id], checks[row.check_index])
    Judgement.objects.bulk_update(rows, ["done", "score", "reason", "cost_pico"], batch_size=PART)
    _apply_judgements(run, {row.result_id for row in rows}, checks)
    return waiting.count()


def _take_judgement(row: Judgement, job: Job, check: Check) -> None:
    row.done, row.cost_pico = True, job.cost_pico
    said = _said(job)
    if job.status != JobStatus.SUCCEEDED or said is None:
        row.reason = f"The judge gave no answer: {job.error or job.status}"[:1000]
        return
    verdict = read_verdict(check, said.get("text") or "")
    row.score, row.reason = verdict.score, verdict.reason


def _apply_judgements(run: EvalRun, result_ids: set[int], checks: Sequence[Check]) -> None:
    rows = EvalResult.objects.filter(pk__in=result_ids).prefetch_related("judgements")
    results = list(rows)
    for result in results:
        said: dict[int, dict[bool, Judgement]] = {}
        for row in result.judgements.all():
            if row.done:
                said.setdefault(row.check_index, {})[row.swapped] = row
        outcomes = outcomes_of(result.outcomes)
        for index, orders in said.items():
            outcomes[index] = _judged(checks[index], orders)
        result.outcomes = [outcome.as_json() for outcome in outcomes]
        regrade(result, checks, run.threshold)
    EvalResult.objects.bulk_update(
        results, ["outcomes", "score", "passed", "state"], batch_size=PART
    )


def _judged(check: Check, orders: Mapping[bool, Judgement]) -> Outcome:
    straight, swapped = orders.get(False), orders.get(True)
    if check.kind == CheckKind.JUDGE_RUBRIC:
        if straight is None or straight.score is None:
            return Outcome(None, straight.reason if straight else "")
        return outcome_of(check, Mark(straight.score, straight.reason))
    if straight is None or swapped is None:
        return Outcome(None)
    if straight.score is None or swapped.score is None:
        return Outcome(None, straight.reason if straight.score is None else swapped.reason)
    verdict = of_both_orders(straight.score, swapped.score)
    return outcome_of(check, Mark(verdict.score or 0.0, verdict.reason))


def _stop_if_nothing_fits(run: EvalRun) -> None:
    """Every call that is left waits for room in a budget, and none runs that could give it back."""
    if run.status == RunStatus.STOPPING or run.batch_id is None:
        return
    open_jobs = Job.objects.filter(batch_id=run.batch_id, status__in=OPEN_STATUSES)
    if open_jobs.exclude(status=JobStatus.QUEUED, error_code=OVER_BUDGET).exists():
        return
    if (job := open_jobs.first()) is not None:
        stop(run, f"No room is left for {open_jobs.count()} calls. {job.error}", capped=True)


def _finish(run: EvalRun, status: RunStatus) -> None:
    run.status, run.finished_at = status, db_now()
    run.save()
    Budget.objects.filter(slug=run.budget).update(active=False)
    human = [i for i, c in enumerate(checks_of(run.checks)) if c.kind == CheckKind.HUMAN]
    answered = run.results.filter(state__in=[ResultState.ANSWERED, ResultState.GRADED])
    reviews = [
        Review(result_id=pk, check_index=index)
        for pk in answered.values_list("pk", flat=True)
        for index in human
    ]
    Review.objects.bulk_create(reviews, batch_size=PART, ignore_conflicts=True)


def _said(job: Job) -> Any:
    """None without an answer, or when its payload was deleted by then."""
    payload = getattr(job, "payload", None)
    return payload.result if payload is not None else None


def _milliseconds(began: datetime | None, ended: datetime | None) -> int:
    if began is None or ended is None:
        return 0
    return max(0, round((ended - began).total_seconds() * 1000))
