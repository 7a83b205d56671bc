"""Reads of results: sums by arm, hours of versions. Nothing here reads single calls."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count

from apps.prompts.measured import BUILT_IN, Measured
from apps.prompts.models import Experiment, Kind, Metric
from apps.prompts.statistics import RatioSums
from apps.results.models import ArmHour, Exposure

ArmSums = Mapping[str, Mapping[str, RatioSums]]
"""Metric → arm → sums over its subjects."""

_Y = {
    "errors": ("failed", "calls"),
    "refusals": ("refusals", "calls"),
    "schema_failures": ("schema_failures", "calls"),
    "cost": ("cost_usd", "calls"),
    "seconds": ("seconds", "timed"),
}
_OF_CALLS = " UNION ALL ".join(
    f"""SELECT '{slug}', arm, count(*), sum({y}), sum({y} * {y}), sum({x}), sum({x} * {x}),
    sum({y} * {x}) FROM taking_part WHERE {x} > 0 GROUP BY arm"""  # noqa: S608 - our own names
    for slug, (y, x) in _Y.items()
)
_SUMS = f"""
    WITH taking_part AS MATERIALIZED (
        SELECT id, arm, calls::float8 AS calls, failed::float8 AS failed,
               refusals::float8 AS refusals, schema_failures::float8 AS schema_failures,
               cost_usd, seconds, timed::float8 AS timed
        FROM results_exposure WHERE experiment_id = %(experiment)s
    )
    {_OF_CALLS}
    UNION ALL
    SELECT metric.slug, arm, count(*), sum(total), sum(total * total), sum(scores::float8),
           sum(scores::float8 * scores), sum(total * scores)
    FROM taking_part JOIN results_exposurescore score ON score.exposure_id = taking_part.id
    JOIN prompts_metric metric ON metric.id = score.metric_id
    WHERE scores > 0 GROUP BY metric.slug, arm
"""  # noqa: S608 - our own names


def arm_sums(experiment: Experiment) -> ArmSums:
    """Over all subjects so far: reads each of them once, in one statement."""
    found: dict[str, dict[str, RatioSums]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, {"experiment": experiment.pk})
        for metric, arm, subjects, y, yy, x, xx, xy in cursor.fetchall():
            found[metric][arm] = RatioSums(subjects=subjects, y=y, yy=yy, x=x, xx=xx, xy=xy)
    return found


def hourly_sums(experiment: Experiment, metrics: set[str]) -> dict[str, dict[datetime, Any]]:
    """Metric → end of an hour, in order → arm → sums since the start."""
    rows = ArmHour.objects.filter(experiment=experiment, metric__in=metrics).order_by("hour")
    found: dict[str, dict[datetime, Any]] = {metric: {} for metric in metrics}
    for row in rows:
        sums = RatioSums(subjects=row.subjects, y=row.y, yy=row.yy, x=row.x, xx=row.xx, xy=row.xy)
        found[row.metric].setdefault(row.hour, {})[row.arm] = sums
    return found


def latest_sums(experiment: Experiment) -> ArmSums:
    """As they were written last: one small row an arm and metric."""
    rows = (
        ArmHour.objects.filter(experiment=experiment)
        .order_by("metric", "arm", "-hour")
        .distinct("metric", "arm")
    )
    found: dict[str, dict[str, RatioSums]] = defaultdict(dict)
    for row in rows:
        found[row.metric][row.arm] = RatioSums(
            subjects=row.subjects, y=row.y, yy=row.yy, x=row.x, xx=row.xx, xy=row.xy
        )
    return found


def exposed(experiment: Experiment) -> dict[int, dict[str, int]]:
    """Phase → arm → subjects who joined."""
    rows = Exposure.objects.filter(experiment=experiment).values("phase", "arm").order_by()
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for row in rows.annotate(subjects=Count("pk")):
        found[row["phase"]][row["arm"]] = row["subjects"]
    return found


def measured_of(slugs: set[str]) -> dict[str, Measured]:
    """What these names mean; unknown ones are left out."""
    found = {slug: BUILT_IN[slug] for slug in slugs if slug in BUILT_IN}
    for row in Metric.objects.filter(slug__in=slugs - set(found)):
        unit: Any = "share" if row.kind == Kind.YES_NO else "number"
        better: Any = row.direction
        found[row.slug] = Measured(row.slug, row.name, unit, better)
    return found
