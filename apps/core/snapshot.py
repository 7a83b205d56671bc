"""Configuration in process: an immutable snapshot, rebuilt when the configuration epoch moves.

Reading configuration costs a call nothing. An edit through any door is in force within a second
(`POLL_SECONDS` plus one rebuild); while the database is away the last good snapshot serves.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog
from django.db import DatabaseError, connection
from django.db.models import DateTimeField, Func

from apps.core import clock
from apps.core.models import ConfigEpoch
from apps.core.one_view import one_view

POLL_SECONDS = 0.25
_TIME = Func(function="clock_timestamp", output_field=DateTimeField())
Snapshot = TypeVar("Snapshot")
log = structlog.get_logger(__name__)


def current_epoch() -> int:
    """Hears the database's time on the way."""
    row = ConfigEpoch.objects.annotate(time=_TIME).values_list("value", "time")
    epoch, time = row.get(pk=1)
    clock.hear(time)
    return int(epoch)


class SnapshotHolder(Generic[Snapshot]):
    """Keeps the newest snapshot that `build` made; `build` runs in one repeatable-read view."""

    def __init__(self, build: Callable[[], Snapshot]) -> None:
        self._build = build
        self._epoch = -1
        self._snapshot: Snapshot | None = None
        self._tell: Callable[[Snapshot], object] | None = None
        self._reading = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def current(self) -> Snapshot:
        """The newest good snapshot. Raises `LookupError` before the first `refresh`."""
        if self._snapshot is None:
            raise LookupError("No configuration has been read yet.")
        return self._snapshot

    def refresh(self) -> bool:
        """Rebuild when the epoch moved; whether it did. Raises `django.db.DatabaseError`.

        One thread at a time: one that began earlier must not put what it saw in place of newer."""
        with self._reading, one_view():
            epoch = current_epoch()
            if epoch == self._epoch:
                return False
            self._snapshot = self._build()
        self._epoch = epoch
        if self._tell is not None:
            self._tell(self._snapshot)
        return True

    def on_change(self, tell: Callable[[Snapshot], object]) -> None:
        """Tell of the current snapshot, and of each new one from the thread that read it."""
        self._tell = tell
        tell(self.current)

    def start(self) -> None:
        """Load once, then follow the epoch on a thread of its own. Raises `DatabaseError`."""
        self.refresh()
        self._thread = threading.Thread(target=self._follow, name="config-snapshot", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _follow(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            try:
                self.refresh()
            except (DatabaseError, LookupError, ValueError, KeyError) as error:
                # The last good snapshot keeps serving; the next poll tries again.
                log.warning("config_refresh_failed", error=str(error))
                connection.close()
        connection.close()
