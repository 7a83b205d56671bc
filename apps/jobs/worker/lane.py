"""Suspects run one at a time in a process: whoever then kills it is alone to blame."""

import threading

from apps.jobs.types import Ticket


class Lane:
    """The one place for a suspect. Any thread may call it; only who has entered may keep it."""

    def __init__(self) -> None:
        self._place = threading.Lock()
        self._ticket: Ticket | None = None

    def enter(self) -> bool:
        """Whether the place was free and is now the caller's, until it calls `keep_for`."""
        return self._place.acquire(blocking=False)

    def keep_for(self, ticket: Ticket | None) -> None:
        """The place is this job's until it leaves; None: free again."""
        self._ticket = ticket
        if ticket is None:
            self._place.release()

    def leave(self, ticket: Ticket) -> None:
        """The job has ended. Nothing happens when the place is not its own."""
        if ticket == self._ticket:
            self._ticket = None
            self._place.release()
