"""Time. What is stored or compared across machines uses the database's clock."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from apps.core.pipelined import ask

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
    return ask_now()()


def ask_now() -> Callable[[], datetime]:
    """Ask for it, to be read later (`pipelined.ask`)."""
    rows = ask("SELECT clock_timestamp()")
    return lambda: rows()[0][0]
