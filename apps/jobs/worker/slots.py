"""How many jobs a worker process runs at once: its back-pressure."""

import threading

GATHER_SECONDS = 0.02  # after a first free slot, so that a busy worker claims many jobs at a time


class Slots:
    """A counted room that threads wait for; `close` sends all waiting away."""

    def __init__(self, total: int) -> None:
        self._total = self._free = total
        self._closed = False
        self._changed = threading.Condition()

    def take(self, *, most: int) -> int:
        """Wait for room, then take up to `most` slots; how many. 0: closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._free > 0)
            self._changed.wait_for(
                lambda: self._closed or self._free >= most, timeout=GATHER_SECONDS
            )
            taken = 0 if self._closed else min(most, self._free)
            self._free -= taken
        return taken

    def give(self, count: int) -> None:
        with self._changed:
            self._free += count
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait_until_idle(self, *, seconds: float) -> bool:
        """Whether all slots became free in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._free == self._total, timeout=seconds)
