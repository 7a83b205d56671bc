"""Celery's edge: forecasts and messages of thresholds. Messages to it carry no data."""

from typing import Any

from celery import shared_task

from apps.budgets.services.alerts import deliver_alerts, record_forecasts
from apps.core.clock import db_now
from apps.core.tasks import DATABASE_AWAY


@shared_task(name="budgets.alerts", throws=DATABASE_AWAY)  # type: ignore[untyped-decorator]
def tell_of_thresholds(**_: Any) -> None:
    """Look at forecasts, then deliver what is due. Safe to run twice, also at the same time."""
    record_forecasts(now=db_now())
    deliver_alerts(now=db_now())
