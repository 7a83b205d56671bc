"""Celery's edge of the ledger. Safe to run twice, and at the same time."""

from dataclasses import asdict
from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from apps.core.clock import db_now
from apps.core.tasks import DATABASE_AWAY
from apps.ledger import metrics, posting
from apps.ledger.attempts import sum_days
from apps.ledger.closing import make_periods
from apps.ledger.final_close import close_asked
from apps.ledger.partitions import make_months
from apps.ledger.selectors import open_quarantine
from apps.ledger.verifying import verify_yesterday


@shared_task(name="ledger.post_entries", throws=DATABASE_AWAY)  # type: ignore[untyped-decorator]
def post_entries(**_: Any) -> None:
    posting.post_entries(zone=settings.REPORTING_TIME_ZONE)


@shared_task(name="ledger.sum_attempts", throws=DATABASE_AWAY)  # type: ignore[untyped-decorator]
def sum_attempts(**_: Any) -> None:
    sum_days(zone=settings.REPORTING_TIME_ZONE)


@shared_task(name="ledger.verify_rollups", throws=DATABASE_AWAY)  # type: ignore[untyped-decorator]
def verify_rollups(**_: Any) -> None:
    verify_yesterday(zone=settings.REPORTING_TIME_ZONE, now=timezone.now())


@shared_task(name="ledger.close_months", throws=DATABASE_AWAY)  # type: ignore[untyped-decorator]
def close_months(**_: Any) -> None:
    close_asked()


@shared_task(name="ledger.make_months", throws=DATABASE_AWAY)  # type: ignore[untyped-decorator]
def make_months_that_ended(**_: Any) -> None:
    """The page makes those that are missing, too, in the name of whoever looks first."""
    make_periods(zone=settings.REPORTING_TIME_ZONE, now=db_now())


@shared_task(name="ledger.make_partitions", throws=DATABASE_AWAY)  # type: ignore[untyped-decorator]
def make_partitions(**_: Any) -> None:
    make_months(now=timezone.now())


@shared_task(name="ledger.count_quarantine", throws=DATABASE_AWAY)  # type: ignore[untyped-decorator]
def count_quarantine(**_: Any) -> None:
    metrics.observe_quarantine(**asdict(open_quarantine()))
