"""Cases from what callers really asked: masked, and in the audit log."""

from collections.abc import Collection, Mapping
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from apps.audit.history import note_reason
from apps.evals.cases import CaseDraft
from apps.evals.errors import refused
from apps.evals.masking import mask
from apps.evals.models import Dataset, DatasetVersion
from apps.evals.selectors import declared_variables
from apps.evals.services.datasets import draft_version, put_cases
from apps.jobs.models import Job, JobStatus
from apps.prompts.types import Variable

READ_PAYLOADS = "jobs.view_jobpayload"


def past_calls(dataset: Dataset) -> "QuerySet[Job]":
    """Answered jobs of the dataset's prompt whose payload is still there, newest first."""
    rows = Job.objects.filter(prompt=dataset.prompt.slug, status=JobStatus.SUCCEEDED)
    return rows.filter(payload__isnull=False).order_by("-id")


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
    jobs = list(past_calls(dataset).filter(pk__in=list(job_ids)).select_related("payload"))
    if not jobs:
        raise refused("Choose at least one call.", pointer="/calls", code="missing")
    note_reason(f"{len(jobs)} past calls became cases: {reason.strip()}")
    draft = draft_version(dataset=dataset, by=by)
    variables = declared_variables(dataset.prompt)
    put_cases(version=draft, cases=[_case(job, variables, answers_are_expected) for job in jobs])
    return draft


def _case(job: Job, variables: Mapping[str, Variable], with_answer: bool) -> CaseDraft:
    request, result = job.payload.request, job.payload.result or {}
    answer = str(result.get("text") or "")
    masked = mask(request.get("variables") or {}, answer, variables)
    return CaseDraft(
        variables=masked.variables,
        expected=masked.answer if with_answer else None,
        key=f"call-{job.pk}",
        tags=("past-call",),
        source_job_id=job.pk,
        masked=masked.changed,
    )
