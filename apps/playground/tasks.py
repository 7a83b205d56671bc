"""Celery's edge: the housekeeping of runs."""

from typing import Any

from celery import shared_task
from django.conf import settings

from apps.core.clock import db_now
from apps.core.tasks import DATABASE_AWAY
from apps.playground.services.forgetting import forget_old_runs, forget_values


@shared_task(name="playground.forget", throws=DATABASE_AWAY)  # type: ignore[untyped-decorator]
def forget(**_: Any) -> None:
    now = db_now()
    forget_old_runs(now=now, days=settings.PLAYGROUND_KEEP_DAYS)
    forget_values(now=now)
