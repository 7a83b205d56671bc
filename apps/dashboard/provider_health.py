"""The page that says which deployments are called, which rest, why and until when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.core.admin.cells import Kind
from apps.core.rights import needs
from apps.registry.models import Deployment
from apps.registry.snapshot import read_registry
from apps.registry.types import DeploymentFacts
from apps.routing.breaker import Reason, State
from apps.routing.conditions import Condition, PlacesTaken, ProcessReport
from apps.routing.exchange import process_reports
from apps.routing.rests import WORDS, credential_of

may_see = needs("registry.view_deployment")
CAN_ORDER = "routing.operate_health"


@dataclass(frozen=True, slots=True)
class Label:
    """A state in words; of several the one with the highest `weight` counts."""

    text: str
    kind: Kind
    weight: int


OUT = Label("out of service", "quiet", 0)
QUARANTINED = Label("quarantined", "bad", 6)
OPEN = Label("open", "bad", 5)
COOLING = Label("resting (429)", "warn", 4)
HALF_OPEN = Label("half-open", "warn", 3)
CLOSED = Label("closed", "ok", 2)
SILENT = Label("no calls lately", "quiet", 1)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one process holds against a deployment or its credential."""

    process: str
    label: Label
    why: str
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class AtOnce:
    """Calls under way at a deployment. `limit`: what the `limited` processes may send it together;
    the others may send any number."""

    taken: int = 0
    limit: int = 0
    limited: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One deployment, all processes together; counts are of the last half minute."""

    deployment: Deployment
    label: Label
    why: str
    since: datetime | None
    until: datetime | None
    calls: int
    failed: int
    slow: int
    at_once: AtOnce
    findings: tuple[Finding, ...]
    orders: tuple[str, ...]


@require_safe
@may_see
def page(request: HttpRequest) -> HttpResponse:
    reports = process_reports()
    now = timezone.now()
    context = admin.site.each_context(request) | {
        "title": "Provider health",
        "rows": rows_of(reports or (), now),
        "processes": reports,
        "redis_away": reports is None,
        "may_order": request.user.has_perm(CAN_ORDER),
        "now": now,
    }
    return TemplateResponse(request, "dashboard/provider_health.html", context)


def rows_of(reports: Iterable[ProcessReport], now: datetime) -> list[Row]:
    """The worst first."""
    facts, reports = read_registry().deployments, tuple(reports)
    deployments = Deployment.objects.select_related("provider", "model").order_by("slug")
    rows = [_row(row, facts[row.slug], reports, now) for row in deployments if row.slug in facts]
    return sorted(rows, key=lambda row: -row.label.weight)


def _row(
    row: Deployment, facts: DeploymentFacts, reports: tuple[ProcessReport, ...], now: datetime
) -> Row:
    subjects = {f"d:{row.slug}", f"l:{row.slug}", credential_of(facts)}
    seen = [(r, c) for r in reports for c in r.conditions if c.subject in subjects]
    own = [condition for _, condition in seen if condition.subject.startswith("d:")]
    findings = tuple(
        sorted(
            (_finding(r, c, now) for r, c in seen if c.state is not State.CLOSED),
            key=lambda finding: (-finding.label.weight, finding.process),
        )
    )
    label, why = _label(row, findings, called=any(c.calls for c in own))
    at_once = _at_once([r.places[row.slug] for r in reports if row.slug in r.places])
    return Row(
        deployment=row,
        label=label,
        why=why,
        since=min((f.since for f in findings if f.since), default=None),
        until=max((f.until for f in findings if f.until), default=None),
        calls=sum(c.calls for c in own),
        failed=sum(c.failed for c in own),
        slow=sum(max(0, c.slow - c.failed) for c in own),
        at_once=at_once,
        findings=findings,
        orders=tuple(_orders(row, findings, at_once)),
    )


def _at_once(told: Sequence[PlacesTaken]) -> AtOnce:
    limits = [places.limit for places in told if places.limit is not None]
    return AtOnce(
        taken=sum(places.taken for places in told),
        limit=sum(limits),
        limited=len(limits),
        waiting=sum(places.waiting for places in told),
    )


def _finding(report: ProcessReport, condition: Condition, now: datetime) -> Finding:
    reason, since = condition.reason, condition.since
    credential = condition.subject.startswith("c:")
    ends = now + timedelta(seconds=condition.left) if condition.left else None
    return Finding(
        process=report.process,
        label=_state(condition, credential),
        why=WORDS[reason] if reason else "",
        since=None if since is None else now - timedelta(seconds=since),
        until=ends,
    )


def _state(condition: Condition, credential: bool) -> Label:
    if credential:
        return QUARANTINED
    if condition.reason is Reason.LIMITED:
        return COOLING
    return OPEN if condition.state is State.OPEN else HALF_OPEN


def _label(row: Deployment, findings: tuple[Finding, ...], *, called: bool) -> tuple[Label, str]:
    off = [what for what, on in _switches(row) if not on]
    if off:
        return OUT, f"{', '.join(off)} switched off"
    if findings:
        return findings[0].label, findings[0].why
    return (CLOSED, "") if called else (SILENT, "")


def _switches(row: Deployment) -> tuple[tuple[str, bool], ...]:
    return (
        ("deployment", row.active),
        (f"provider “{row.provider.slug}”", row.provider.active),
        (f"model “{row.model.slug}”", row.model.active),
    )


def _orders(row: Deployment, findings: tuple[Finding, ...], at_once: AtOnce) -> Iterable[str]:
    """What may be done to it as it stands."""
    labels = {finding.label for finding in findings}
    if labels & {OPEN, COOLING, HALF_OPEN} or at_once.limited:
        yield "end-rest"
    if QUARANTINED in labels:
        yield "release"
    yield "take-out" if row.active else "put-back"
