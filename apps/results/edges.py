"""Calls of the hours in which a release began or ended. Sums by hour cannot tell two releases of
one hour apart; single calls can, and are kept as long as a channel's course goes back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Case, Count, Q, QuerySet, Sum, Value, When

from apps.prompts.models import Release
from apps.results.changes import SUMMED
from apps.results.latencies import bucket_of
from apps.results.models import Call, Outcome
from apps.results.versions import VersionMetrics

HOUR = timedelta(hours=1)
# As `counting.counts_of` says of one call.
_SUMS = {
    "calls": Count("pk"),
    "failed": Count("pk", filter=Q(outcome=Outcome.FAILED)),
    "refusals": Count("pk", filter=Q(flaw="refusal")),
    "schema_failures": Count("pk", filter=Q(flaw="schema")),
    "cached": Count("pk", filter=Q(cached=True)),
    "attempts": Sum("attempts"),
    "input_tokens": Sum("input_tokens"),
    "output_tokens": Sum("output_tokens"),
    "cost_pico": Sum("cost_pico"),
}


@dataclass(frozen=True, slots=True)
class Span:
    """When a version was live, as far as it is shown; nothing of it where `end` is not later."""

    version: int
    begin: datetime
    end: datetime

    @classmethod
    def of(cls, release: Release, since: datetime, until: datetime) -> "Span":
        """`since` and `until` are full hours."""
        ended = min(release.ended_at or until, until)
        return cls(release.version.number, max(release.released_at, since), ended)

    def edges(self) -> list[tuple[datetime, datetime]]:
        """Its parts of hours, up to two."""
        first, last = hour_before(self.begin), hour_before(self.end)
        if first >= last:
            return [(self.begin, self.end)] if self.begin < self.end else []
        parts = [(self.begin, first + HOUR), (last, self.end)]
        return [part for part in parts if HOUR > part[1] - part[0] > timedelta(0)]


def hour_before(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def edge_sums(*, prompt: str, channel: str, spans: Sequence[Span]) -> list[VersionMetrics]:
    """Of each span's parts of hours. One query, or none where all releases are of full hours."""
    found = [VersionMetrics(span.version, "", "") for span in spans]
    wanted = [(index, _within(span)) for index, span in enumerate(spans) if span.edges()]
    if wanted:
        calls = Call.objects.filter(prompt=prompt, channel=channel).exclude(outcome=Outcome.OPEN)
        for index, milliseconds, *values in _rows(calls, wanted):
            _add(found[index], milliseconds, values)
    return found


def _within(span: Span) -> Q:
    parts = (Q(at__gte=begin, at__lt=end) for begin, end in span.edges())
    return Q(prompt_version=span.version) & reduce(or_, parts)


def _rows(calls: QuerySet[Call], wanted: Sequence[tuple[int, Q]]) -> QuerySet[Call, Any]:
    """Grouped by time as well: the database sums, and this process counts the times' buckets."""
    names = [f"of_{name}" for name in SUMMED]  # a sum may not be called as a field is
    return (
        calls.filter(reduce(or_, (within for _, within in wanted)))
        .annotate(span=Case(*(When(within, then=Value(index)) for index, within in wanted)))
        .values("span", "latency_ms")
        .annotate(**{f"of_{name}": _SUMS[name] for name in SUMMED})
        .order_by()
        .values_list("span", "latency_ms", *names)
    )


def _add(sums: VersionMetrics, milliseconds: int | None, values: Sequence[Any]) -> None:
    for name, value in zip(SUMMED, values, strict=True):
        setattr(sums, name, getattr(sums, name) + int(value))
    if milliseconds is not None:
        sums.latencies[str(bucket_of(milliseconds))] += int(values[SUMMED.index("calls")])
