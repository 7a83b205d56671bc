"""Jobs that ended without an answer, by why: what an operator may give a second chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, F, Max, Min, Q, QuerySet, Sum
from django.db.models.functions import Now

from apps.core.money import Pico
from apps.jobs.models import Job, JobStatus

MOST = 1_000  # jobs that one order queues again


@dataclass(frozen=True, slots=True)
class Group:
    """Jobs with one error code. `example` is what the newest says; `cost_pico` what they cost."""

    code: str
    jobs: int
    services: Sequence[str]
    first_at: datetime
    last_at: datetime
    cost_pico: Pico
    example: str


def given_up(*, days: int, service: str = "", code: str | None = None) -> "QuerySet[Job]":
    """Failed and expired jobs that ended in the last `days`, of one service and code if given."""
    # Said as the condition of the index `job_given_up` says it.
    ended = Q(status=JobStatus.FAILED) | Q(status=JobStatus.EXPIRED)
    jobs = Job.objects.order_by().filter(ended, finished_at__gte=Now() - timedelta(days=days))
    if service:
        jobs = jobs.filter(service__slug=service)
    return jobs if code is None else jobs.filter(error_code=code)


def groups(*, days: int, service: str = "") -> list[Group]:
    """The most frequent first."""
    jobs = given_up(days=days, service=service)
    newest = jobs.order_by("error_code", "-finished_at", "-pk").distinct("error_code")
    examples = dict(newest.values_list("error_code", "error"))
    rows = jobs.values(code=F("error_code")).annotate(
        jobs=Count("pk"),
        services=ArrayAgg("service__slug", distinct=True, order_by="service__slug"),
        first_at=Min("finished_at"),
        last_at=Max("finished_at"),
        cost_pico=Sum("cost_pico"),
    )
    # Between the two queries a job may have ended with a code that was not there before.
    return [
        Group(example=examples.get(row["code"], ""), **row)
        for row in rows.order_by("-jobs", "code")
    ]


def chosen(*, days: int, service: str, code: str) -> "QuerySet[Job]":
    """The jobs of a group that one order takes: those that ended first, `MOST` at most."""
    group = given_up(days=days, service=service, code=code).order_by("finished_at", "pk")
    return Job.objects.filter(pk__in=list(group.values_list("pk", flat=True)[:MOST]))
