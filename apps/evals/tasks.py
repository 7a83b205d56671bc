"""Celery's edge: open runs are moved on. Messages carry no data."""

from typing import Any

from celery import shared_task

from apps.core.tasks import DATABASE_AWAY
from apps.evals.services.advancing import advance_all


@shared_task(name="evals.advance", throws=DATABASE_AWAY)  # type: ignore[untyped-decorator]
def advance_runs(**_: Any) -> None:
    """Safe to run twice, also at the same time: each run is locked for its step."""
    advance_all()
