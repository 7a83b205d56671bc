"""Time. What is stored or compared across machines uses the database's clock."""

import time
from datetime import UTC, datetime

from django.db import connection

# Linux's CLOCK_MONOTONIC, which `time.monotonic` reads, stands still while the machine sleeps.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> datetime:
    """This process's clock, for deadlines that only this process watches."""
    return datetime.now(UTC)


def steady() -> float:
    """Seconds by a clock that nobody sets and that goes on while the machine sleeps: how long ago
    something was, in this process only."""
    return time.clock_gettime(_STEADY)


def db_now() -> datetime:
    """The database's clock: the same for every process, whatever their own clocks say."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment
