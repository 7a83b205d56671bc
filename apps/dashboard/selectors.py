"""Reads of the home page that no other app needs."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import ExpressionWrapper, F, FloatField, Q
from django.db.models.functions import NullIf

from apps.budgets.models import Window
from apps.core.money import Pico
from apps.jobs.models import Job, JobStatus

ROWS = 5


@dataclass(frozen=True)
class BudgetUse:
    slug: str
    budget_id: int
    used_pico: Pico  # spent and held
    limit_pico: Pico
    share: float  # of the limit; above 1 it is overrun
    ends_at: datetime | None


def budgets_nearest_limit(*, now: datetime) -> list[BudgetUse]:
    """The current windows of active budgets that have the least left, relative to their limit."""
    used = ExpressionWrapper(
        (F("posted_pico") + F("held_pico")) * 1.0 / NullIf(F("limit_pico"), 0),
        output_field=FloatField(),
    )
    windows = (
        Window.objects.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=now))
        .filter(starts_at__lte=now, budget__active=True)
        .annotate(share=used)
        .order_by(F("share").desc(nulls_first=True), "pk")
        .select_related("budget")[:ROWS]
    )
    return [
        BudgetUse(
            slug=window.budget.slug,
            budget_id=window.budget_id,
            used_pico=window.posted_pico + window.held_pico,
            limit_pico=window.limit_pico,
            share=1.0 if window.share is None else window.share,
            ends_at=window.ends_at,
        )
        for window in windows
    ]


def latest_failed_jobs() -> list[Job]:
    failed = (JobStatus.FAILED, JobStatus.EXPIRED)
    return list(
        Job.objects.filter(status__in=failed).select_related("service").order_by("-id")[:ROWS]
    )
