"""Values of runs are kept as long as what was asked and answered with them, and no longer."""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef

from apps.jobs.models import JobPayload
from apps.playground.models import Run, Trial

SETTLED = timedelta(hours=1)
"""A run of this age has all of its jobs."""


def forget_old_runs(*, now: datetime, days: int) -> int:
    """Delete what the jobs of older runs asked and were answered; how many jobs. Their accounts and
    figures stay. 0 days: nothing is old."""
    if days <= 0:
        return 0
    old = Trial.objects.filter(run__created_at__lt=now - timedelta(days=days))
    return JobPayload.objects.filter(job_id__in=old.values("job_id")).delete()[0]


def forget_values(*, now: datetime) -> int:
    """Empty the values of runs whose jobs' payloads have all been deleted, on whatever schedule
    that happens; how many. Cases that somebody kept stay: they belong to a dataset."""
    kept = Trial.objects.filter(
        run=OuterRef("pk"),
        job_id__in=JobPayload.objects.values("job_id"),
    )
    runs = Run.objects.filter(created_at__lt=now - SETTLED).exclude(values={})
    return runs.exclude(Exists(kept)).update(values={})
