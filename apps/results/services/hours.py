"""Differences into the sums of hours. One process at a time is at it, under `counting`'s lock."""

from collections.abc import Sequence

from apps.results.changes import SUMMED, Change, Hour, hour_of, named
from apps.results.latencies import bucket_of
from apps.results.models import VersionHour

_UNIQUE = ["prompt", "prompt_version", "channel", "arm", "hour"]


def add_to_hours(changes: Sequence[Change]) -> None:
    """A call never leaves its hour or version: both are those of its first attempt."""
    real = [change for change in changes if not change.is_none]
    rows = _rows({hour_of(change.call) for change in real})
    for change in real:
        _add(rows[hour_of(change.call)], change)
    VersionHour.objects.bulk_create(
        rows.values(),
        update_conflicts=True,
        unique_fields=_UNIQUE,
        update_fields=[*SUMMED, "latencies"],
    )


def _rows(hours: set[Hour]) -> dict[Hour, VersionHour]:
    found = {hour: VersionHour(**named(hour), latencies={}) for hour in hours}
    kept = VersionHour.objects.filter(
        prompt__in={hour[0] for hour in hours}, hour__in={hour[4] for hour in hours}
    )
    for row in kept:
        hour = row.prompt, row.prompt_version, row.channel, row.arm, row.hour
        if hour in found:
            row.pk = None  # written by its key, as a new one is
            found[hour] = row
    return found


def _add(row: VersionHour, change: Change) -> None:
    for name in SUMMED:
        setattr(row, name, int(getattr(row, name)) + change.of(name))
    _count(row.latencies, change.old.latency_ms, -1)
    _count(row.latencies, change.new.latency_ms, 1)


def _count(latencies: dict[str, int], milliseconds: int | None, by: int) -> None:
    if milliseconds is None:
        return
    bucket = str(bucket_of(milliseconds))
    latencies[bucket] = latencies.get(bucket, 0) + by
    if not latencies[bucket]:
        del latencies[bucket]
