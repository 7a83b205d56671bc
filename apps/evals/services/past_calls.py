"""Cases from what callers really asked: masked, and in the audit log."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from apps.audit.history import note_reason
from apps.evals.cases import CaseDraft
from apps.evals.errors import refused
from apps.evals.masking import Masked, mask
from apps.evals.models import Dataset, DatasetVersion
from apps.evals.selectors import declared_variables, variables_of
from apps.evals.services.datasets import draft_version, put_cases
from apps.jobs.models import Job, JobStatus
from apps.prompts.models import Prompt, PromptVersion
from apps.prompts.types import Variable

READ_PAYLOADS = "jobs.view_jobpayload"


def past_calls(prompt: Prompt) -> "QuerySet[Job]":
    """Answered jobs of the prompt whose payload is still there, newest first."""
    rows = Job.objects.filter(prompt=prompt.slug, status=JobStatus.SUCCEEDED)
    return rows.filter(payload__isnull=False).order_by("-id")


def masked_calls(*, jobs: Iterable[Job], prompt: Prompt) -> dict[UUID, Masked]:
    """Values and answer of each job, as anybody may see them. A variable is sensitive when the
    newest version says so, or the one that was called."""
    jobs = list(jobs)
    declared = declared_variables(prompt)
    called = PromptVersion.objects.in_bulk({job.prompt_version_id for job in jobs})
    return {job.pk: _masked(job, declared, called.get(job.prompt_version_id)) for job in jobs}


@transaction.atomic
def add_past_calls(
    *,
    dataset: Dataset,
    job_ids: Collection[UUID],
    answers_are_expected: bool,
    reason: str,
    by: User,
) -> DatasetVersion:
    """Put past calls into the draft as cases; values of sensitive variables are replaced.

    Raises `EvalError` without the permission to read payloads, without a reason or a call.
    """
    if not by.has_perm(READ_PAYLOADS):
        raise refused(f"Reading past calls needs the permission {READ_PAYLOADS}.", code="no")
    if not reason.strip():
        raise refused("Say why.", pointer="/reason", code="missing")
    found = past_calls(dataset.prompt).filter(pk__in=list(job_ids))
    jobs = list(found.select_related("payload"))
    if not jobs:
        raise refused("Choose at least one call.", pointer="/calls", code="missing")
    note_reason(f"{len(jobs)} past calls became cases: {reason.strip()}")
    draft = draft_version(dataset=dataset, by=by)
    cases = masked_calls(jobs=jobs, prompt=dataset.prompt)
    put_cases(version=draft, cases=[_case(pk, cases[pk], answers_are_expected) for pk in cases])
    return draft


def _masked(job: Job, declared: Mapping[str, Variable], called: PromptVersion | None) -> Masked:
    """The answer may repeat a value that today's version has no variable for any more."""
    then = variables_of(called) if called else {}
    variables = {name: _stricter(now, then.get(name)) for name, now in declared.items()}
    request, result = job.payload.request, job.payload.result or {}
    answer = str(result.get("text") or "")
    masked = mask(request.get("variables") or {}, answer, {**then, **variables})
    known = {name: value for name, value in masked.variables.items() if name in declared}
    return replace(masked, variables=known)


def _stricter(now: Variable, then: Variable | None) -> Variable:
    if then is None or now.sensitivity != "none":
        return now
    return replace(now, sensitivity=then.sensitivity)


def _case(job_id: UUID, masked: Masked, with_answer: bool) -> CaseDraft:
    return CaseDraft(
        variables=masked.variables,
        expected=masked.answer if with_answer else None,
        key=f"call-{job_id}",
        tags=("past-call",),
        source_job_id=job_id,
        masked=masked.changed,
    )
