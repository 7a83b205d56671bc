"""The calls of a run, as jobs: to the version that answers, and to its judges."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from apps.access.models import Service
from apps.access.snapshot import caller_of
from apps.access.types import Caller
from apps.core.strict_json import canonical
from apps.evals.checks.wanted import said
from apps.evals.judging import variables_for
from apps.evals.models import Case, EvalResult, EvalRun, Judgement
from apps.evals.selectors import variables_of
from apps.evals.stored import checks_of
from apps.evals.types import Check, CheckKind
from apps.gateway.types import CacheMode, CallSpec
from apps.jobs.models import Job, Priority
from apps.jobs.services.batches.submit import BatchDraft, submit_batch
from apps.jobs.types import Draft
from apps.prompts.models import PromptVersion
from apps.prompts.types import Variable

PATIENCE = timedelta(hours=6)
"""What a run waits for an answer: rate limits and resting providers included."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A check's judge, read once for many calls."""

    check: Check
    version: PromptVersion
    declared: Mapping[str, Variable]


def caller(service: Service) -> Caller:
    rows = Service.objects.select_related("team", "cost_center", "tier")
    return caller_of(rows.get(pk=service.pk))


def answer_spec(version: PromptVersion, case: Case, tag: str) -> CallSpec:
    """Variables that the version does not declare are left out: an older version may know fewer."""
    return CallSpec(
        prompt=version.prompt.slug,
        version=version.number,
        variables={k: v for k, v in case.variables.items() if k in version.variables},
        context=(tag,),
        cache=CacheMode.BYPASS,
    )


def judge_spec(judge: Judge, case: Case, answers: Mapping[str, str], tag: str) -> CallSpec:
    return CallSpec(
        prompt=judge.version.prompt.slug,
        version=judge.version.number,
        variables=variables_for(
            judge.check,
            judge.declared,
            question=case.variables,
            expected=case.expected,
            answers=answers,
        ),
        context=(tag,),
        cache=CacheMode.BYPASS,
    )


def judges_of(checks: Sequence[Check]) -> dict[int, Judge]:
    """The judges of a run's checks, by the check's index."""
    ids = {check.judge_id for check in checks if check.judge_id is not None}
    rows = PromptVersion.objects.filter(pk__in=ids).select_related("prompt")
    versions = {row.pk: row for row in rows}
    return {
        index: Judge(check, versions[check.judge_id], variables_of(versions[check.judge_id]))
        for index, check in enumerate(checks)
        if check.judge_id in versions
    }


def send_answers(run: EvalRun, results: Sequence[EvalResult]) -> UUID:
    """Ask for the answers of these results, in one batch; each learns its job.

    Raises `BatchRefused` with every fault. Sent twice in the same round, it is the same batch.
    """
    version = PromptVersion.objects.select_related("prompt").get(pk=run.version_id)
    specs = (answer_spec(version, result.case, run.budget) for result in results)
    return _send(run, specs, results)


def send_judgements(run: EvalRun, judgements: Sequence[Judgement]) -> UUID:
    """As `send_answers`, to the judges."""
    judges = judges_of(checks_of(run.checks))
    baseline = baseline_answers(run)
    specs = (
        judge_spec(
            judges[row.check_index],
            row.result.case,
            _answers(row, judges[row.check_index].check, baseline),
            run.budget,
        )
        for row in judgements
    )
    return _send(run, specs, judgements)


def baseline_answers(run: EvalRun) -> dict[tuple[int, int], str]:
    """(case, repeat) → the baseline's answer."""
    if run.baseline_id is None:
        return {}
    rows = EvalResult.objects.filter(run_id=run.baseline_id, state__in=["answered", "graded"])
    found = rows.values_list("case_id", "repeat", "answer", "message")
    return {(case, repeat): said(text, message) for case, repeat, text, message in found}


def _answers(
    row: Judgement, check: Check, baseline: Mapping[tuple[int, int], str]
) -> Mapping[str, str]:
    own = said(row.result.answer, row.result.message)
    if check.kind != CheckKind.JUDGE_PAIRWISE:
        return {"answer": own}
    other = baseline[row.result.case_id, row.result.repeat]
    return {"first": other, "second": own} if row.swapped else {"first": own, "second": other}


def _send(run: EvalRun, specs: Iterator[CallSpec], rows: Sequence[Any]) -> UUID:
    who = caller(run.service)
    number = run.rounds + 1
    name = f"eval-run-{run.pk}-{number}"
    batch = submit_batch(
        draft=BatchDraft(
            caller=who,
            fingerprint=hashlib.sha256(name.encode()).hexdigest(),
            request_id=name,
            idempotency_key=name,
            metadata={"eval_run": str(run.pk)},
            notify=False,
        ),
        rows=(_draft(who, spec, f"{name}-{index}") for index, spec in enumerate(specs)),
    ).batch
    jobs = dict(Job.objects.filter(batch_id=batch.pk).values_list("batch_index", "pk"))
    for index, row in enumerate(rows):
        row.job_id = jobs[index]
    type(rows[0])._default_manager.bulk_update(rows, ["job_id"], batch_size=500)
    run.rounds, run.batch_id = number, batch.pk
    return batch.pk


def _draft(who: Caller, spec: CallSpec, request_id: str) -> Draft:
    body: dict[str, Any] = {"prompt": spec.prompt, "version": spec.version, "id": request_id}
    return Draft(
        caller=who,
        spec=spec,
        fingerprint=hashlib.sha256(canonical(body)).hexdigest(),
        priority=Priority.LOW,
        deadline=PATIENCE,
        request_id=request_id,
        notify=False,
    )
