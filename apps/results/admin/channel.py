"""A channel of a prompt over time: what was live when and why, over what came of its calls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.core.admin import pill, short_time
from apps.core.money import short_usd
from apps.core.rights import needs
from apps.prompts.admin.cells import compare_url, version_link, who_released
from apps.prompts.admin.prompts import may_release
from apps.prompts.models import Channel, Prompt, ReleaseKind
from apps.prompts.services import version_before
from apps.results.course import STEPS, Course, Point, Stretch, course_of_channel
from apps.results.figures import milliseconds
from apps.results.guarding import guard_findings
from apps.results.plots import Mark, timeline
from apps.results.versions import VersionMetrics

DAYS = 7


@dataclass(frozen=True, slots=True)
class Drawn:
    """One chart: what it reads of sums, and how it is written."""

    key: str
    title: str
    read: Callable[[VersionMetrics], float | None]
    formatted: Callable[[float], str]


CHARTS = (
    Drawn("errors", "No answer", lambda sums: sums.share(sums.failed), lambda v: f"{v:.1%}"),
    Drawn(
        "cost",
        "Cost a call",
        lambda sums: float(sums.cost_pico_a_call),
        lambda v: short_usd(round(v)),
    ),
    Drawn("p95", "Time to the answer, p95", lambda sums: sums.p95_ms, milliseconds),
)


@require_safe
@needs("prompts.view_release")
def channel_course(request: HttpRequest, pk: int, slug: str) -> HttpResponse:
    """`?days=` is 7, 30 or 90."""
    prompt = get_object_or_404(Prompt, pk=pk)
    channel = get_object_or_404(Channel, slug=slug)
    days = next((one for one in STEPS if str(one) == request.GET.get("days")), DAYS)
    course = course_of_channel(prompt=prompt, channel=channel, now=timezone.now(), days=days)
    before = version_before(prompt=prompt, channel=channel) if may_release(request) else None
    context = admin.site.each_context(request) | {
        "title": f"{prompt.slug} on {channel.slug}",
        "prompt": prompt,
        "channel": channel,
        "days": days,
        "choices": list(STEPS),
        "charts": [(one.key, one.title, _chart(one, course)) for one in CHARTS],
        "rows": [_row(one, prompt) for one in course.stretches],
        "points": [_point(one) for one in course.points if one.sums.calls],
        "undo_to": before,
        "alerts": [(one, short_time(one.at)) for one in guard_findings(prompt, channel)],
    }
    return TemplateResponse(request, "results/channel.html", context)


def _chart(drawn: Drawn, course: Course) -> Any:
    points = course.points
    return timeline(
        [drawn.read(one.sums) if one.sums.calls else None for one in points],
        [f"{timezone.localtime(one.begin):%d %b %H:00}" for one in points],
        _marks(course),
        title=drawn.title,
        formatted=drawn.formatted,
    )


def _marks(course: Course) -> list[Mark]:
    begin, last = course.points[0].begin, course.points[-1].begin
    whole = last - begin + (last - begin) / max(1, len(course.points) - 1)
    shown = [one for one in course.stretches if one.release.released_at >= begin]
    return [
        Mark(
            at=(one.release.released_at - begin) / whole,
            label=f"v{one.release.version.number}",
            title=_said(one),
            kind="ok" if one.release.kind == ReleaseKind.PROMOTE else "bad",
        )
        for one in reversed(shown)
    ]


def _said(one: Stretch) -> str:
    release = one.release
    at = f"{timezone.localtime(release.released_at):%d %b %H:%M}"
    what = f"{release.get_kind_display()} to v{release.version.number}"
    return f"{at}: {what} by {who_released(one.release)}. {release.reason}"


def _row(one: Stretch, prompt: Prompt) -> dict[str, Any]:
    release, before = one.release, one.before
    return {
        "release": release,
        "at": short_time(release.released_at),
        "until": short_time(release.ended_at) if release.ended_at else pill("live", "ok"),
        "from": version_link(before, f"v{before.number}") if before else "–",
        "to": version_link(release.version, f"v{release.version.number}"),
        "compare": compare_url(prompt.pk, old=before, new=release.version) if before else "",
        "kind": pill(release.get_kind_display(), _kind(release.kind)),
        "who": who_released(one.release),
        "figures": _figures(one.sums),
    }


def _kind(kind: str) -> Any:
    return "quiet" if kind == ReleaseKind.PROMOTE else "warn"


def _point(one: Point) -> dict[str, Any]:
    return {"at": short_time(one.begin), "figures": _figures(one.sums)}


def _figures(sums: VersionMetrics) -> Sequence[str]:
    """Calls, then what the charts draw."""
    if not sums.calls:
        return ["0", *("–" for _ in CHARTS)]
    values = [(one, one.read(sums)) for one in CHARTS]
    return [f"{sums.calls:,}", *("–" if v is None else one.formatted(v) for one, v in values)]
