"""What this app refuses. Permanent: asking again changes nothing."""

from collections.abc import Sequence

from apps.reconciliation.types import Fault


class ReconciliationRefused(Exception):
    """Not in the state that it is in; says why, and what to do."""


class FileRefused(Exception):
    """A file, with all that is wrong with it, line by line."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = list(faults)
        super().__init__("\n".join(map(str, faults)))
