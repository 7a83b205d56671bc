"""Celery's edge: what goes live at its time. Messages to it carry no data."""

from typing import Any

from celery import shared_task

from apps.core.clock import db_now
from apps.core.tasks import DATABASE_AWAY
from apps.prompts.services import release_due


@shared_task(name="prompts.release_due", throws=DATABASE_AWAY)  # type: ignore[untyped-decorator]
def release_what_is_due(**_: Any) -> None:
    """Safe to run twice, also at the same time: each request is locked by its prompt."""
    release_due(now=db_now())
