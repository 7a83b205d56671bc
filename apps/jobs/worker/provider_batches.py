"""A process's part in looking after batches at providers."""

import threading
from collections.abc import Callable

import structlog
from django.db import close_old_connections, connections

from apps.gateway.config import Config
from apps.jobs.services.provider_batches.round import run_round

ROUND_SECONDS = 15.0
STOP_SECONDS = 5.0  # a round that takes longer is left alone: whatever it was at is taken up again
log = structlog.get_logger(__name__)


class ProviderBatches:
    """A thread of its own, because a silent provider may hold it up for minutes. What is due stands
    in the database, and every worker process looks there."""

    def __init__(self, config: Callable[[], Config]) -> None:
        self._config = config
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="provider-batches", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def refuse_work(self) -> None:
        """Begin with no other batch."""
        self._stopped.set()

    def stop(self) -> None:
        self.refuse_work()
        self._thread.join(STOP_SECONDS)

    def _work(self) -> None:
        while not self._stopped.wait(ROUND_SECONDS):
            close_old_connections()
            try:
                run_round(config=self._config(), stopping=self._stopped.is_set)
            except Exception as error:
                # This thread is all that looks after batches here: if it died of a fault that
                # nobody foresaw, jobs would wait in silence. So it is told, and looks again.
                log.exception("provider_batches_failed", error=str(error))
                connections.close_all()
        connections.close_all()
