"""Celery's edge: the housekeeping of runs."""

from typing import Any

from celery import shared_task

from apps.core.clock import db_now
from apps.core.tasks import DATABASE_AWAY
from apps.playground.services.forgetting import forget_values


@shared_task(name="playground.forget", throws=DATABASE_AWAY)  # type: ignore[untyped-decorator]
def forget(**_: Any) -> None:
    forget_values(now=db_now())
