"""What the tasks of every app share."""

from collections.abc import Iterable, Iterator
from time import monotonic
from typing import TypeVar

from django.db import InterfaceError, OperationalError

# For Celery's `throws`: expected now and then, worth a line and no traceback. The next round of the
# schedule tries again.
DATABASE_AWAY = (OperationalError, InterfaceError)
ROUND = 30.0  # seconds; less than the minute until the next one begins

Item = TypeVar("Item")


def for_a_round(items: Iterable[Item]) -> Iterator[Item]:
    """The items until a round is over, at least one: what talks to a server that may hang has one
    of the four threads of a worker, which ring for jobs."""
    until = monotonic() + ROUND
    for item in items:
        yield item
        if monotonic() >= until:
            return
