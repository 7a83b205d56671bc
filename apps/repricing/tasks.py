"""Celery's edge of repricing. Safe to run twice, and at the same time; messages carry no data."""

from typing import Any

from celery import shared_task

from apps.core.tasks import DATABASE_AWAY
from apps.repricing.booking import book_all


@shared_task(name="repricing.book", throws=DATABASE_AWAY)  # type: ignore[untyped-decorator]
def book_recosts(**_: Any) -> None:
    book_all()
