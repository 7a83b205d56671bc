"""Celery's edge of exports. Safe to run twice, and at the same time; messages carry no data."""

from typing import Any

from celery import shared_task

from apps.core.clock import db_now
from apps.core.tasks import DATABASE_AWAY
from apps.exports.making import work_off
from apps.exports.services import delete_old_files


@shared_task(name="exports.make", throws=DATABASE_AWAY)  # type: ignore[untyped-decorator]
def make_exports(**_: Any) -> None:
    work_off()


@shared_task(name="exports.delete_old_files", throws=DATABASE_AWAY)  # type: ignore[untyped-decorator]
def delete_old(**_: Any) -> None:
    delete_old_files(now=db_now())
