"""Celery's edge of finance. Messages to it carry no data."""

from typing import Any

from celery import shared_task
from django.conf import settings

from apps.core.clock import db_now
from apps.core.tasks import DATABASE_AWAY
from apps.finance.saved_days import sum_saved_days
from apps.finance.services import deliver_letters, put_due_letters


@shared_task(name="finance.mail", throws=DATABASE_AWAY)  # type: ignore[untyped-decorator]
def mail_views(**_: Any) -> None:
    """Put due letters into the outbox, then deliver. Safe to run twice, also at the same time."""
    put_due_letters(now=db_now(), zone=settings.REPORTING_TIME_ZONE)
    deliver_letters(now=db_now(), zone=settings.REPORTING_TIME_ZONE)


@shared_task(name="finance.sum_savings", throws=DATABASE_AWAY)  # type: ignore[untyped-decorator]
def sum_savings(**_: Any) -> None:
    sum_saved_days(zone=settings.REPORTING_TIME_ZONE, now=db_now())
