"""How much prompts are used: registered with `apps.prompts.use`."""

from collections.abc import Collection, Mapping
from datetime import datetime

import orjson
from django.db import connection
from django.db.models import Exists, OuterRef, Q

from apps.prompts.use import Use
from apps.results.latencies import quantile
from apps.results.models import VersionHour

_USE = """
    WITH hours AS MATERIALIZED (
        SELECT prompt, calls, failed, cost_pico, latencies
        FROM results_versionhour WHERE prompt = ANY(%s) AND hour >= %s
    ), buckets AS (
        SELECT prompt, bucket, sum(answers::bigint) AS answers
        FROM hours, jsonb_each_text(latencies) AS each (bucket, answers) GROUP BY prompt, bucket
    ), times AS (
        SELECT prompt, jsonb_object_agg(bucket, answers) AS latencies FROM buckets GROUP BY prompt
    )
    SELECT prompt, sum(calls), sum(failed), sum(cost_pico), min(times.latencies::text)
    FROM hours LEFT JOIN times USING (prompt) GROUP BY prompt
"""


def use_of(prompts: Collection[str], *, since: datetime) -> Mapping[str, Use]:
    with connection.cursor() as cursor:
        cursor.execute(_USE, [list(prompts), since])
        return {prompt: _use(*sums) for prompt, *sums in cursor.fetchall()}


def _use(calls: int, failed: int, cost_pico: int, latencies: str | None) -> Use:
    times = orjson.loads(latencies) if latencies else {}
    return Use(int(calls), int(failed), int(cost_pico), quantile(times, 0.5))


def called_since(since: datetime) -> Q:
    return Q(Exists(VersionHour.objects.filter(prompt=OuterRef("slug"), hour__gte=since)))
