"""A job's physical calls on one time axis."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from apps.core.admin import pill
from apps.core.admin.cells import Kind
from apps.core.admin.cells import exact_money as exact
from apps.jobs.models import Job
from apps.jobs.types import AttemptView
from apps.ledger.line_names import line_name
from apps.ledger.models import Attempt, AttemptStatus

WIDTH = 200  # of a bar's picture, in its own units
MIN_BAR = 2

PILLS: dict[str, Kind] = {
    AttemptStatus.DISPATCHED: "info",
    AttemptStatus.SUCCEEDED: "ok",
    AttemptStatus.FAILED: "bad",
    AttemptStatus.UNKNOWN: "warn",
}


@dataclass(frozen=True)
class Row:
    attempt: AttemptView
    url: str
    bar_start: float
    bar_width: float
    after: str
    lasted: str
    outcome: SafeString
    cost: SafeString
    lines: Sequence[Mapping[str, Any]]


def timeline(job: Job, attempts: Sequence[AttemptView], *, now: datetime) -> SafeString:
    """Each call with its start after acceptance, its length, end, tokens, cost and price lines."""
    end = job.finished_at or now
    span = max((end - job.created_at).total_seconds(), 0.001)
    rows = list(_rows(job, attempts, span, now))
    context = {"rows": rows, "width": WIDTH, "span": duration(span), "total": exact(job.cost_pico)}
    return render_to_string("jobs/timeline.html", context)


def _rows(job: Job, attempts: Sequence[AttemptView], span: float, now: datetime) -> Iterator[Row]:
    for attempt in attempts:
        after = (attempt.started_at - job.created_at).total_seconds()
        lasted = ((attempt.ended_at or now) - attempt.started_at).total_seconds()
        start = min(max(WIDTH * after / span, 0), WIDTH - MIN_BAR)
        yield Row(
            attempt=attempt,
            url=_url(Attempt, attempt.id),
            bar_start=round(start, 1),
            bar_width=round(min(max(WIDTH * lasted / span, MIN_BAR), WIDTH - start), 1),
            after=duration(after),
            lasted=duration(lasted),
            outcome=pill(attempt.status, PILLS[attempt.status]),
            cost=exact(attempt.cost_pico),
            lines=[_line(line) for line in attempt.lines],
        )


def _line(line: Mapping[str, Any]) -> Mapping[str, Any]:
    """A frozen price line with a link to the price that it used, of the list or of a recost."""
    price = line.get("price_id")
    return {
        **line,
        "name": line_name(line),
        "price": exact(line.get("price_pico")),
        "amount": exact(line.get("amount_pico")),
        "url": reverse("admin:price_used", args=[price]) if price else "",
    }


def _url(model: type[Model], pk: Any) -> str:
    """The object's page, or `""` when there is none."""
    if pk is None or not admin.site.is_registered(model):
        return ""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])


def duration(seconds: float) -> str:
    """For people; a no-break space keeps number and unit in one line."""
    number, unit = (f"{seconds * 1000:,.0f}", "ms") if seconds < 10 else (f"{seconds:,.1f}", "s")
    return f"{number}\N{NO-BREAK SPACE}{unit}"
