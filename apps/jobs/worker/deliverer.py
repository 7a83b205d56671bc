"""Sends what waits in the outbox: a thread that looks, and some that wait for others' servers."""

import threading
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from uuid import UUID

import structlog
from django.db import close_old_connections, connections

from apps.jobs.services.webhooks import news
from apps.jobs.services.webhooks.deliver import (
    ALL_PROBES,
    PER_ENDPOINT,
    PROBES,
    Parcel,
    claim,
    deliver,
)

LOOK_SECONDS = 2.0  # how often it looks by itself; an end in this process wakes it at once
THREADS = 16

log = structlog.get_logger(__name__)


class Deliverer:
    """Needs no bell: what is due stands in the database, and every worker process looks there."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._running: dict[Future[None], Parcel] = {}
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="webhook")
        self._thread = threading.Thread(target=self._work, name="webhooks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def refuse_work(self) -> None:
        """Begin no more tries."""
        self._stopped.set()
        news.EVENT.set()

    def stop(self) -> None:
        """Wait for tries under way; each has its own time limit."""
        self.refuse_work()
        self._thread.join()
        self._pool.shutdown()

    def _work(self) -> None:
        while not self._stopped.is_set():
            try:
                self._round()
            except Exception as error:  # noqa: BLE001 - whatever happens, it must look again
                log.warning("webhooks_not_claimed", error=str(error))
                connections.close_all()
                self._stopped.wait(LOOK_SECONDS)
        connections.close_all()

    def _round(self) -> None:
        """Start what is due and fits; when that is nothing, wait for news or for a free place."""
        news.EVENT.clear()
        close_old_connections()
        parcels = self._claim()
        for parcel in parcels:
            self._running[self._pool.submit(_send, parcel)] = parcel
        if not parcels:
            self._rest()
        self._running = {run: parcel for run, parcel in self._running.items() if not run.done()}

    def _claim(self) -> list[Parcel]:
        room = THREADS - len(self._running)
        probes = ALL_PROBES - sum(parcel.probes for parcel in self._running.values())
        return claim(limit=room, probes=probes, busy=self._busy()) if room else []

    def _rest(self) -> None:
        if self._running:
            wait(self._running, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
        else:
            news.EVENT.wait(LOOK_SECONDS)

    def _busy(self) -> list[UUID]:
        """Endpoints that have as many tries under way as one may have."""
        counts = Counter(parcel.endpoint_id for parcel in self._running.values())
        probed = Counter(parcel.endpoint_id for parcel in self._running.values() if parcel.probes)
        return [
            endpoint
            for endpoint, count in counts.items()
            if count >= PER_ENDPOINT or probed[endpoint] >= PROBES
        ]


def _send(parcel: Parcel) -> None:
    """A try that breaks is due again when its lease is over."""
    close_old_connections()
    try:
        deliver(parcel)
    except Exception:  # a fault of one must not end the thread's work unseen
        log.exception("webhook_broke", delivery=str(parcel.id))
    finally:
        connections.close_all()
