"""What a process knows by itself about the leases of its jobs: whether they may have run out.

A process that stood still (SIGSTOP, a frozen machine) goes on where it was, before the database
can tell it that others took its jobs. So each lease is counted from a moment before the statement
that began it was sent: by our clock it ends earlier than by the database's, never later.
"""

import threading
from collections.abc import Iterable, Sequence

from django.db import transaction

from apps.core.clock import steady
from apps.jobs.services.claim import lost
from apps.jobs.types import Ticket

SENDING_SHARE = 0.9  # in the last tenth nothing is sent: connecting takes time, and clocks drift


class Leases:
    """Kept by ticket: the same process may claim a job again that it lost. Any thread may call."""

    def __init__(self, *, seconds: float) -> None:
        self._seconds = seconds
        self._guard = threading.Lock()
        self._kept_at: dict[Ticket, float] = {}

    def begin(self, ticket: Ticket, *, at: float) -> None:
        """`at`: `steady()` before the claim was sent."""
        with self._guard:
            self._kept_at[ticket] = at

    def renew(self, tickets: Iterable[Ticket], *, at: float) -> None:
        """`at`: `steady()` before the statement was sent; only after its commit. Leases that have
        ended stay ended."""
        with self._guard:
            for ticket in tickets:
                if ticket in self._kept_at:
                    self._kept_at[ticket] = max(at, self._kept_at[ticket])

    def end(self, ticket: Ticket) -> None:
        with self._guard:
            self._kept_at.pop(ticket, None)

    def may_send(self, ticket: Ticket) -> bool:
        """Whether nobody else can own the job yet, with a tenth of the lease to spare."""
        with self._guard:
            kept_at = self._kept_at.get(ticket)
        return kept_at is not None and steady() < kept_at + self._seconds * SENDING_SHARE

    def ending_within(self, seconds: float) -> list[Ticket]:
        """Those that have run out, or will."""
        until = steady() + seconds - self._seconds
        with self._guard:
            return [ticket for ticket, kept_at in self._kept_at.items() if kept_at <= until]

    def lost(self, tickets: Sequence[Ticket]) -> set[Ticket]:
        """`services.claim.lost`, in the admitting transaction; its commit renews the others."""
        asked_at = steady()
        gone = lost(tickets)
        kept = [ticket for ticket in tickets if ticket not in gone]
        transaction.on_commit(lambda: self.renew(kept, at=asked_at))
        return gone
