"""Where values come from: a version's samples, a case of a dataset, or a masked past call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User

from apps.evals.models import Case
from apps.evals.services.past_calls import masked_calls
from apps.jobs.models import Job
from apps.playground.errors import PlaygroundError, refused
from apps.playground.models import PastCallLook
from apps.playground.selectors.offered import MAY_SEE_CASES, MAY_TAKE_CALLS, calls_of
from apps.prompts.models import Prompt

ONE_LOOK = timedelta(hours=1)
"""Whoever takes the same call again within it, as a preview does at every key, looks once."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Values, and where they come from."""

    values: Mapping[str, Any] = field(default_factory=dict)
    source_job_id: UUID | None = None
    masked: bool = False


def take_values(*, source: str, prompt: Prompt, by: User, now: datetime) -> Taken:
    """Of `case:<id>`, `call:<job id>`, or nothing for an empty source: the samples stand in.

    A look at a past call is written down with who and when. Raises `PlaygroundError`.
    """
    kind, _, key = source.partition(":")
    if not source:
        return Taken()
    if kind == "case":
        return _case(key, prompt, by)
    if kind == "call":
        return _call(key, prompt, by, now)
    raise _gone()


def _case(key: str, prompt: Prompt, by: User) -> Taken:
    if not by.has_perm(MAY_SEE_CASES):
        raise refused(f"Cases need the permission {MAY_SEE_CASES}.", code="no_permission")
    rows = Case.objects.filter(version__dataset__prompt=prompt)
    case = rows.filter(pk=int(key[:18])).first() if key.isascii() and key.isdigit() else None
    if case is None:
        raise _gone()
    return Taken(case.variables, case.source_job_id, case.masked)


def _call(key: str, prompt: Prompt, by: User, now: datetime) -> Taken:
    if not by.has_perm(MAY_TAKE_CALLS):
        raise refused(f"Past calls need the permission {MAY_TAKE_CALLS}.", code="no_permission")
    try:
        job_id = UUID(key)
    except ValueError:
        raise _gone() from None
    job = calls_of(prompt).filter(pk=job_id).select_related("payload", "service").first()
    if job is None:
        raise _gone()
    _write_down(job, by, now)
    masked = masked_calls(jobs=[job], prompt=prompt)[job.pk]
    return Taken(masked.variables, job.pk, masked.changed)


def _write_down(job: Job, by: User, now: datetime) -> None:
    actor = by.get_username()
    looks = PastCallLook.objects.filter(job_id=job.pk, actor=actor, at__gt=now - ONE_LOOK)
    if not looks.exists():
        name = f"Job {job.pk} of {job.service.slug}, {job.prompt} v{job.prompt_version}"
        PastCallLook.objects.create(job_id=job.pk, prompt=job.prompt, name=name, actor=actor)


def _gone() -> PlaygroundError:
    return refused("These values are not there any more; choose others.", code="not_found")
