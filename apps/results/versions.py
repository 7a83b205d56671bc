"""How versions do, by channel and arm: sums over hours."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Sum

from apps.results.changes import SUMMED
from apps.results.latencies import quantile
from apps.results.models import ScoreHour, VersionHour

_KEY = ("prompt_version", "channel", "arm")


@dataclass(slots=True)
class VersionMetrics:
    """Sums over calls, and what follows from them; `scores`: metric → count and mean."""

    version: int
    channel: str
    arm: str
    calls: int = 0
    failed: int = 0
    refusals: int = 0
    schema_failures: int = 0
    cached: int = 0
    attempts: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_pico: int = 0
    latencies: Counter[str] = field(default_factory=Counter)
    scores: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def p50_ms(self) -> float | None:
        return quantile(self.latencies, 0.5)

    @property
    def p95_ms(self) -> float | None:
        return quantile(self.latencies, 0.95)

    @property
    def cost_pico_a_call(self) -> int:
        return self.cost_pico // self.calls if self.calls else 0

    def share(self, count: int) -> float:
        return count / self.calls if self.calls else 0.0


def version_metrics(
    *, prompt: str, since: datetime, version: int | None = None
) -> list[VersionMetrics]:
    """Newest version first; two queries."""
    hours = VersionHour.objects.filter(prompt=prompt, hour__gte=since)
    scores = ScoreHour.objects.filter(prompt=prompt, hour__gte=since)
    if version is not None:
        hours = hours.filter(prompt_version=version)
        scores = scores.filter(prompt_version=version)
    found: dict[Any, VersionMetrics] = {}
    for row in hours.values_list(*_KEY, "latencies", *SUMMED):
        one = found.setdefault(row[:3], VersionMetrics(*row[:3]))
        one.latencies.update(row[3])
        for name, value in zip(SUMMED, row[4:], strict=True):
            setattr(one, name, getattr(one, name) + int(value))
    summed = scores.values(*_KEY, "metric__slug").annotate(n=Sum("scores"), sum=Sum("total"))
    for score in summed.order_by("metric__slug"):
        one = found.setdefault(
            tuple(score[name] for name in _KEY),
            VersionMetrics(*(score[name] for name in _KEY)),
        )
        if score["n"]:
            mean = score["sum"] / score["n"]
            one.scores[score["metric__slug"]] = {"count": score["n"], "mean": mean}
    return sorted(found.values(), key=lambda one: (-one.version, one.channel, one.arm))


def whole_version(rows: Iterable[VersionMetrics]) -> VersionMetrics | None:
    """One version over all channels and arms; None without rows."""
    whole: VersionMetrics | None = None
    for row in rows:
        whole = whole or VersionMetrics(row.version, "", "")
        whole.latencies.update(row.latencies)
        for name in SUMMED:
            setattr(whole, name, getattr(whole, name) + getattr(row, name))
        for metric, score in row.scores.items():
            whole.scores[metric] = _together(whole.scores.get(metric), score)
    return whole


def _together(one: dict[str, float] | None, other: dict[str, float]) -> dict[str, float]:
    if one is None:
        return dict(other)
    count = one["count"] + other["count"]
    total = one["count"] * one["mean"] + other["count"] * other["mean"]
    return {"count": count, "mean": total / count}
