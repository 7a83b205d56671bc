"""The page that says how much waits and runs, who works, and why jobs wait."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.core.rights import needs
from apps.jobs.models import JobStatus, Priority
from apps.jobs.queue import Line, Queue, look

may_see = needs("jobs.view_job")
COLUMNS = ("due", "paused", "overdue", "running", "lapsed")


@dataclass(frozen=True, slots=True)
class Row:
    """A line with the addresses of the jobs that it counts."""

    line: Line
    queued_url: str
    running_url: str


@require_safe
@may_see
def page(request: HttpRequest) -> HttpResponse:
    queue = look()
    context = admin.site.each_context(request) | {
        "title": "Queue",
        "queue": queue,
        "rows": [_row(line) for line in queue.lines],
        "totals": {column: queue.total(column) for column in COLUMNS},
        "by_priority": _by_priority(queue),
    }
    return TemplateResponse(request, "dashboard/queue.html", context)


def _by_priority(queue: Queue) -> list[tuple[str, dict[str, int]]]:
    """Sums over all services, each priority in its order; those without a job too."""
    found = {priority: dict.fromkeys(COLUMNS, 0) for priority in Priority}
    for line in queue.lines:
        for column in COLUMNS:
            found[line.priority][column] += getattr(line, column)
    return [(str(priority.label), sums) for priority, sums in found.items()]


def _row(line: Line) -> Row:
    return Row(line, _jobs_url(line, JobStatus.QUEUED), _jobs_url(line, JobStatus.RUNNING))


def _jobs_url(line: Line, status: JobStatus) -> str:
    chosen = {
        "created": "all",
        "status__exact": status.value,
        "service__id__exact": line.service_id,
        "priority__exact": line.priority.value,
    }
    return f"{reverse('admin:jobs_job_changelist')}?{urlencode(chosen)}"
