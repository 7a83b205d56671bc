"""Starting, stopping and resuming runs. What happens in between is in `advancing`."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from django.contrib.auth.models import User
from django.db import transaction

from apps.access.models import Service, ServicePurpose
from apps.budgets.models import Budget, OnExceeded, Period
from apps.core.faults import Fault
from apps.core.money import exact_usd
from apps.evals.checks import check_faults, needs_expected
from apps.evals.errors import EvalError, refused
from apps.evals.judging import contract_faults
from apps.evals.models import (
    OPEN_RUNS,
    Case,
    DatasetVersion,
    EvalResult,
    EvalRun,
    ResultState,
    RunStatus,
    Suite,
)
from apps.evals.models.runs import MAX_REPEATS
from apps.evals.services.calls import Judge, caller, judges_of
from apps.evals.services.quoting import RunQuote, expected_faults, quote_calls
from apps.evals.stored import checks_to_json, questions_hash
from apps.evals.types import Check, CheckKind
from apps.jobs.services.batches.cancel import cancel_batch
from apps.jobs.services.batches.submit import MAX_ROWS
from apps.jobs.services.cancel import AlreadyFinished
from apps.prompts.models import PromptVersion, VersionStatus

MAX_CAP_PICO = 10**16  # 10,000 USD: a typing error costs no more


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do."""

    version: PromptVersion
    dataset_version: DatasetVersion
    suite: Suite
    service: Service
    repeats: int = 1
    baseline: EvalRun | None = None

    @property
    def checks(self) -> list[Check]:
        return [row.as_check() for row in self.suite.assertions.all()]


def quote_run(*, plan: Plan) -> RunQuote:
    """What it costs at most; `faults` is everything that stands against it. Spends nothing."""
    checks = plan.checks
    cases = list(plan.dataset_version.cases.order_by("id"))
    judges = judges_of(checks)
    faults = [*_plan_faults(plan, checks, cases), *_judge_faults(checks, judges)]
    if faults:
        return RunQuote(len(cases) * plan.repeats, 0, 0, 0, tuple(faults))
    return quote_calls(
        version=PromptVersion.objects.select_related("prompt").get(pk=plan.version.pk),
        cases=cases,
        judges=judges.values(),
        repeats=plan.repeats,
        caller=caller(plan.service),
    )


@transaction.atomic
def start_run(*, plan: Plan, cost_cap_pico: int, by: User | None, now: datetime) -> EvalRun:
    """Start a run that cannot cost more than its cap: a hard budget of its own holds every call.

    The cap may lie below what the run costs at most; when it is reached, the run stops and says so.
    `now` is the database's time. Raises `EvalError` with every fault; nothing is stored then.
    """
    quote = quote_run(plan=plan)
    faults = [*quote.faults]
    if not 0 < cost_cap_pico <= MAX_CAP_PICO:
        faults.append(Fault("/cost_cap", "From above 0 to 10,000 USD.", "out_of_range"))
    if faults:
        raise EvalError(faults)
    budget = _budget(plan, cost_cap_pico)
    checks = plan.checks
    run = EvalRun.objects.create(
        version=plan.version,
        dataset_version=plan.dataset_version,
        suite=plan.suite,
        checks=checks_to_json(checks),
        threshold=plan.suite.threshold,
        questions=questions_hash(checks, plan.suite.threshold),
        baseline=plan.baseline,
        service=plan.service,
        repeats=plan.repeats,
        cost_cap_pico=cost_cap_pico,
        quote_pico=quote.at_most_pico,
        budget=budget.slug,
        total=quote.answers,
        started_by=by,
        created_at=now,
        due_at=now,
    )
    _make_results(run)
    return run


@transaction.atomic
def cancel_run(*, run: EvalRun, reason: str) -> EvalRun:
    """Stop it: waiting calls at once, running ones within a second or two. What is answered stays.

    Raises `EvalError` when it has ended.
    """
    row = EvalRun.objects.select_for_update().get(pk=run.pk)
    if row.status not in OPEN_RUNS:
        raise refused(f"{row} has ended: {row.get_status_display().lower()}.", code="ended")
    return stop(row, reason)


def stop(row: EvalRun, why: str, *, capped: bool = False) -> EvalRun:
    """Its row is locked. The rest is up to `advancing`."""
    row.status, row.outcome = RunStatus.STOPPING, why[:500]
    row.capped = row.capped or capped
    row.save()
    if row.batch_id is not None:
        # suppressed: the last answer came first, and is collected like the others
        with suppress(AlreadyFinished):
            cancel_batch(batch_id=row.batch_id)
    return row


@transaction.atomic
def resume_run(*, run: EvalRun, cost_cap_pico: int | None = None, now: datetime) -> EvalRun:
    """Ask again for what has no answer or no judgement, if need be under a higher cap.

    Raises `EvalError` while it runs, when nothing is missing, and for a cap below what is spent.
    """
    row = EvalRun.objects.select_for_update().get(pk=run.pk)
    cap = row.cost_cap_pico if cost_cap_pico is None else cost_cap_pico
    if faults := list(_resume_faults(row, cap)):
        raise EvalError(faults)
    row.results.filter(state=ResultState.FAILED).update(
        state=ResultState.WAITING, job_id=None, error="", error_code="", outcomes=[]
    )
    undecided = row.results.filter(state=ResultState.ANSWERED)
    for result in undecided.filter(judgements__done=True, judgements__score=None).distinct():
        result.judgements.filter(done=True, score=None).update(done=False, job_id=None)
    Budget.objects.filter(slug=row.budget).update(active=True, limit_pico=cap)
    row.cost_cap_pico, row.capped, row.outcome = cap, False, ""
    row.status, row.finished_at, row.due_at = RunStatus.STARTING, None, now
    row.save()
    return row


def _make_results(run: EvalRun) -> None:
    cases = Case.objects.filter(version=run.dataset_version_id).order_by("id")
    EvalResult.objects.bulk_create(
        [
            EvalResult(run=run, case=case, repeat=repeat)
            for repeat in range(1, run.repeats + 1)
            for case in cases
        ],
        batch_size=500,
    )


def _budget(plan: Plan, limit: int) -> Budget:
    """Its tag is the run's alone. Jobs wait for room that running calls may give back."""
    slug = f"eval-{uuid4().hex[:16]}"
    return Budget.objects.create(
        slug=slug,
        name=f"Cost cap of an evaluation of {plan.version}",
        tag=slug,
        period=Period.LIFETIME,
        limit_pico=limit,
        hard=True,
        on_exceeded=OnExceeded.QUEUE,
        thresholds=[],
        bases=[],
    )


def _plan_faults(plan: Plan, checks: Sequence[Check], cases: Sequence[Case]) -> Iterator[Fault]:
    version, dataset_version = plan.version, plan.dataset_version
    if version.status == VersionStatus.DRAFT:
        yield Fault("/version", f"{version} is a draft; seal it first.", "not_sealed")
    if dataset_version.published_at is None:
        detail = f"{dataset_version} is a draft; publish it first."
        yield Fault("/dataset_version", detail, "not_published")
    if dataset_version.dataset.prompt_id != version.prompt_id:
        detail = f"{dataset_version} has cases of another prompt."
        yield Fault("/dataset_version", detail, "other_prompt")
    if plan.service.purpose != ServicePurpose.EVALUATION or not plan.service.active:
        detail = f"{plan.service} is no active service with the purpose Evaluation."
        yield Fault("/service", detail, "not_for_evaluation")
    if not 1 <= plan.repeats <= MAX_REPEATS:
        yield Fault("/repeats", f"From 1 to {MAX_REPEATS}.", "out_of_range")
    orders = 1 + sum(1 + (check.kind == CheckKind.JUDGE_PAIRWISE) for check in checks)
    if len(cases) * plan.repeats * orders > MAX_ROWS:
        detail = f"That is more than {MAX_ROWS:,} calls; take fewer repeats or a smaller dataset."
        yield Fault("/repeats", detail, "too_many")
    yield from _suite_faults(plan, checks, cases)
    yield from _baseline_faults(plan, checks)


def _suite_faults(plan: Plan, checks: Sequence[Check], cases: Sequence[Case]) -> Iterator[Fault]:
    if not checks:
        yield Fault("/suite", f"{plan.suite} has no check yet.", "empty")
    for number, check in enumerate(checks, 1):
        for fault in check_faults(check):
            yield Fault(f"/suite/{number}{fault.pointer}", fault.detail, fault.code)
    comparing = {i: check for i, check in enumerate(checks) if needs_expected(check)}
    yield from expected_faults(cases, comparing)


def _baseline_faults(plan: Plan, checks: Sequence[Check]) -> Iterator[Fault]:
    baseline = plan.baseline
    paired = any(check.kind == CheckKind.JUDGE_PAIRWISE for check in checks)
    if baseline is None:
        if paired:
            yield Fault(
                "/baseline", "A judge compares pairs: choose the baseline’s run.", "missing"
            )
        return
    if baseline.dataset_version_id != plan.dataset_version.pk:
        yield Fault("/baseline", f"{baseline} had other cases.", "other_cases")
    if baseline.status != RunStatus.FINISHED:
        yield Fault("/baseline", f"{baseline} has not finished.", "not_finished")
    if paired and baseline.repeats < plan.repeats:
        yield Fault("/repeats", f"The baseline has only {baseline.repeats}.", "out_of_range")


def _judge_faults(checks: Sequence[Check], judges: dict[int, Judge]) -> Iterator[Fault]:
    for index, check in enumerate(checks):
        judge = judges.get(index)
        if check.judge_id is None:
            continue
        if judge is None or judge.version.status == VersionStatus.DRAFT:
            yield Fault(f"/suite/{index + 1}/judge", "Must be a sealed version.", "not_sealed")
        else:
            for fault in contract_faults(check, judge.declared):
                yield Fault(f"/suite/{index + 1}{fault.pointer}", fault.detail, fault.code)


def _resume_faults(run: EvalRun, cap: int) -> Iterator[Fault]:
    if run.status in OPEN_RUNS:
        yield Fault("", f"{run} is still at it.", "open")
    missing = run.results.filter(state=ResultState.FAILED).exists()
    unjudged = run.results.filter(judgements__done=True, judgements__score=None).exists()
    if not missing and not unjudged:
        yield Fault("", "Nothing is missing.", "complete")
    if not run.cost_cap_pico <= cap <= MAX_CAP_PICO:
        low = exact_usd(run.cost_cap_pico)
        yield Fault("/cost_cap", f"From {low}, its cap so far, to 10,000 USD.", "out_of_range")
