"""How a channel of a prompt did over time, and under each of its releases."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.prompts.models import Channel, Prompt, PromptVersion, Release
from apps.prompts.selectors import releases_with_people
from apps.results.changes import SUMMED
from apps.results.edges import HOUR, Span, edge_sums, hour_before
from apps.results.models import VersionHour
from apps.results.versions import VersionMetrics

SHOWN = 100  # releases
STEPS = {7: HOUR, 30: 6 * HOUR, 90: 24 * HOUR}  # days shown → width of a point


@dataclass(frozen=True, slots=True)
class Point:
    """All calls of the channel that began in a stretch of time, whichever version answered."""

    begin: datetime
    sums: VersionMetrics


@dataclass(frozen=True, slots=True)
class Stretch:
    """A release, what it took the place of, and the calls of its version that began while it was
    live."""

    release: Release
    before: PromptVersion | None
    sums: VersionMetrics


@dataclass(frozen=True, slots=True)
class Course:
    points: Sequence[Point]
    stretches: Sequence[Stretch]
    """Newest first."""


def course_of_channel(*, prompt: Prompt, channel: Channel, now: datetime, days: int) -> Course:
    """`days` is one of `STEPS`. Three queries: hours, the releases in that time with the one before
    them, and calls of the hours in which a release began or ended."""
    step = STEPS[days]
    end = hour_before(now) + HOUR
    since = end - timedelta(days=days)
    hours = list(
        VersionHour.objects.filter(
            prompt=prompt.slug, channel=channel.slug, hour__gte=since, hour__lt=end
        )
    )
    releases = Release.objects.filter(prompt=prompt, channel=channel).order_by("-id")
    rows = list(releases_with_people(releases.select_related("version__prompt"))[:SHOWN])
    spans = [Span.of(row, since, end) for row in rows]
    sums = edge_sums(prompt=prompt.slug, channel=channel.slug, spans=spans)
    for span, found in zip(spans, sums, strict=True):
        _add_whole_hours(found, span, hours)
    return Course(list(_points(hours, since, end, step)), list(_stretches(rows, sums)))


def _points(
    hours: Sequence[VersionHour], since: datetime, end: datetime, step: timedelta
) -> Iterator[Point]:
    found = [
        Point(since + step * index, VersionMetrics(0, "", ""))
        for index in range((end - since) // step)
    ]
    for row in hours:
        add_hour(found[(row.hour - since) // step].sums, row)
    yield from found


def _stretches(releases: Sequence[Release], sums: Sequence[VersionMetrics]) -> Iterator[Stretch]:
    for index, release in enumerate(releases):
        before = releases[index + 1].version if index + 1 < len(releases) else None
        yield Stretch(release, before, sums[index])


def _add_whole_hours(sums: VersionMetrics, span: Span, hours: Sequence[VersionHour]) -> None:
    for row in hours:
        if row.prompt_version == span.version and span.begin <= row.hour <= span.end - HOUR:
            add_hour(sums, row)


def add_hour(sums: VersionMetrics, row: VersionHour) -> None:
    sums.latencies.update(row.latencies)
    for name in SUMMED:
        setattr(sums, name, getattr(sums, name) + int(getattr(row, name)))
