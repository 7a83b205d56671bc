"""Celery's edge: the bell, the sweeper and the housekeeping of calls. Messages carry no data."""

from typing import Any

from celery import shared_task

from apps.core.tasks import DATABASE_AWAY
from apps.jobs.services import doorbell
from apps.jobs.services.housekeeping import give_back_holds
from apps.jobs.services.sweep import sweep
from apps.jobs.worker.process import engine

_PRIORITIES = {queue: priority for priority, queue in doorbell.QUEUES.items()}


@shared_task(name=doorbell.RING, bind=True)  # type: ignore[untyped-decorator]
def ring(self: Any, **_: Any) -> None:
    """Start due jobs of this bell's queue and of every more urgent one."""
    queue = self.request.delivery_info["routing_key"]
    doorbell.hear(queue=queue)
    engine().pump(lowest=_PRIORITIES[queue])


@shared_task(name="jobs.sweep", throws=DATABASE_AWAY)  # type: ignore[untyped-decorator]
def sweep_jobs(**_: Any) -> None:
    sweep()


@shared_task(name="jobs.expire_holds", throws=DATABASE_AWAY)  # type: ignore[untyped-decorator]
def expire_holds(**_: Any) -> None:
    give_back_holds()
