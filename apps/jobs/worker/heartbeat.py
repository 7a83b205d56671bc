"""Keeps a process's jobs its own, and hears of those that somebody wants to stop."""

import threading

import structlog
from django.conf import settings
from django.db import connection

from apps.core.clock import steady
from apps.jobs.presence import Presence
from apps.jobs.services.claim import keep, to_be_cancelled
from apps.jobs.types import EndKind
from apps.jobs.worker.leases import Leases
from apps.jobs.worker.runs import Runs

LOOK_SECONDS = 1.0  # how often cancellations are looked for, and a beat that failed is tried again
log = structlog.get_logger(__name__)


class Heartbeat:
    """A thread: every third of a lease one statement keeps all jobs of the process."""

    def __init__(self, runs: Runs, leases: Leases) -> None:
        self._runs = runs
        self._leases = leases
        self._presence = Presence()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="job-heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        every = settings.JOB_LEASE_SECONDS / 3
        kept_at = steady()
        while not self._stop.wait(min(LOOK_SECONDS, every)):
            try:
                if steady() - kept_at >= every:
                    kept_at = self._keep()
                self._cancel()
                self._presence.say()
            except Exception as error:  # noqa: BLE001 - a heart that stops loses every job
                log.warning("heartbeat_missed", error=str(error))
                connection.close()
        self._presence.leave()
        connection.close()

    def _keep(self) -> float:
        """When it was asked for: the leases are counted from there."""
        tickets, asked_at = self._runs.tickets(), steady()
        lost = keep(tickets)
        self._leases.renew(set(tickets) - lost, at=asked_at)
        if lost:
            log.warning("jobs_lost", count=len(lost))
            self._runs.stop(lost, None)
        return asked_at

    def _cancel(self) -> None:
        mine = self._runs.tickets()
        asked = to_be_cancelled() if mine else set()
        self._runs.stop([ticket for ticket in mine if ticket.job_id in asked], EndKind.CANCELLED)
