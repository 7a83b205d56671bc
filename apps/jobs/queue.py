"""How much waits and runs, for the people who look after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Min, Q, QuerySet
from django.db.models.functions import Coalesce

from apps.core.clock import db_now
from apps.jobs.models import Job, JobStatus, Lane, Priority
from apps.jobs.presence import count_workers

REASONS = 10  # causes of pauses that are told, the most frequent first


@dataclass(frozen=True, slots=True)
class Line:
    """Unfinished jobs of one service and priority. `due` would be claimed now, `paused` are tried
    again later, `overdue` are past their deadline and ended by the next sweep; `lapsed` are
    running ones whose lease is over: the next sweep takes them from their worker. `oldest`: when
    the due job that waits longest was accepted, or queued anew by a person."""

    service_id: int
    service: str
    priority: Priority
    due: int = 0
    paused: int = 0
    overdue: int = 0
    running: int = 0
    lapsed: int = 0
    oldest: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Jobs that are tried again later, by the refusal that made them wait."""

    code: str
    jobs: int
    next_at: datetime


@dataclass(frozen=True, slots=True)
class Queue:
    """All that is unfinished. `workers`: None while Redis is away, when nobody knows;
    `next_lease_end`: when a running job is taken from a worker that falls silent now, at first;
    `leased`: whether a worker holds one, which of the batch lane nobody needs to."""

    now: datetime
    workers: int | None
    lines: Sequence[Line]
    pauses: Sequence[Pause]
    next_lease_end: datetime | None
    leased: bool

    def total(self, column: str) -> int:
        return sum(getattr(line, column) for line in self.lines)

    @property
    def oldest(self) -> datetime | None:
        return min((line.oldest for line in self.lines if line.oldest), default=None)

    @property
    def nobody_works(self) -> bool:
        """Jobs are due, and no worker was heard of or holds a lease."""
        alive = self.workers or self.leased
        return self.workers is not None and not alive and self.total("due") > 0


def look() -> Queue:
    """By the database's clock; the most urgent first, then by service."""
    now = db_now()
    queued = Job.objects.order_by().filter(status=JobStatus.QUEUED)
    running = Job.objects.order_by().filter(status=JobStatus.RUNNING)
    paused = queued.filter(next_run_at__gt=now, deadline__gt=now)
    held = running.filter(lease_until__gt=now).exclude(lane=Lane.BATCH)
    return Queue(
        now=now,
        workers=count_workers(),
        lines=_lines(queued, running, now),
        pauses=_pauses(paused),
        next_lease_end=(end := held.aggregate(end=Min("lease_until"))["end"]),
        leased=end is not None,
    )


def _lines(queued: "QuerySet[Job]", running: "QuerySet[Job]", now: datetime) -> list[Line]:
    alive, due = Q(deadline__gt=now), Q(deadline__gt=now, next_run_at__lte=now)
    waiting = _by_service(queued).annotate(
        due=Count("pk", filter=due),
        paused=Count("pk", filter=alive & Q(next_run_at__gt=now)),
        overdue=Count("pk", filter=~alive),
        oldest=Min(Coalesce("queued_at", "created_at"), filter=due),
    )
    at_work = _by_service(running).annotate(
        running=Count("pk"), lapsed=Count("pk", filter=Q(lease_until__lte=now))
    )
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for row in (*waiting, *at_work):
        found.setdefault((row["priority"], row["name"]), {}).update(row)
    return [_line(found[key]) for key in sorted(found)]


def _by_service(jobs: "QuerySet[Job]") -> "QuerySet[Job, Any]":
    return jobs.values("service_id", "priority", name=F("service__slug"))


def _line(row: Mapping[str, Any]) -> Line:
    values = dict(row)
    return Line(service=values.pop("name"), priority=Priority(values.pop("priority")), **values)


def _pauses(paused: "QuerySet[Job]") -> list[Pause]:
    rows = paused.values("error_code").annotate(jobs=Count("pk"), next_at=Min("next_run_at"))
    return [
        Pause(row["error_code"] or "not_due", row["jobs"], row["next_at"])
        for row in rows.order_by("-jobs", "error_code")[:REASONS]
    ]
