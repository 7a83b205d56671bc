"""Celery's edge of results. Safe to run twice, and at the same time; messages carry no data."""

from typing import Any

from celery import shared_task

from apps.core.clock import db_now
from apps.core.tasks import DATABASE_AWAY
from apps.results.services.counting import count_all, forget_old_calls
from apps.results.services.guarding import guard_releases
from apps.results.services.sent import forget_sent
from apps.results.services.watching import watch_all


@shared_task(name="results.count", throws=DATABASE_AWAY)  # type: ignore[untyped-decorator]
def count(**_: Any) -> None:
    count_all()


@shared_task(name="results.watch", throws=DATABASE_AWAY)  # type: ignore[untyped-decorator]
def watch(**_: Any) -> None:
    now = db_now()
    watch_all(now=now)
    guard_releases(now=now)


@shared_task(name="results.forget", throws=DATABASE_AWAY)  # type: ignore[untyped-decorator]
def forget(**_: Any) -> None:
    forget_old_calls()
    forget_sent(now=db_now())
