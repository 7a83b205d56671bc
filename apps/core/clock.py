"""Time. What is stored or compared across machines uses the database's clock."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apps.core.pipelined import ask

# Linux's CLOCK_MONOTONIC, which `time.monotonic` reads, stands still while the machine sleeps.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


# The database's time, and this process's steady seconds when it was heard.
_heard: tuple[datetime, float] | None = None


def hear(database_time: datetime) -> None:
    """The database has just said what time it is; whoever reads its configuration tells us."""
    global _heard
    _heard = database_time, steady()


def now() -> datetime:
    """The database's time without asking it: as it was heard last, carried on by a clock that
    nobody sets. So a process whose own clock is wrong, or is set, picks the price that holds and
    keeps its deadlines. Behind the truth by the way of one answer, and by what two machines drift
    apart in a second. A process that reads no configuration has only its own clock.
    """
    if _heard is None:
        return own()
    time_heard, then = _heard
    return time_heard + timedelta(seconds=steady() - then)


def own() -> datetime:
    """What this machine believes."""
    return datetime.now(UTC)


def steady() -> float:
    """Seconds by a clock that nobody sets and that goes on while the machine sleeps: how long ago
    something was, in this process only."""
    return time.clock_gettime(_STEADY)


def iso_in(at: datetime, zone: str) -> str:
    """For a file whose days are those of the zone: “2026-03-29T14:00:00+02:00”."""
    return at.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")


def db_now() -> datetime:
    """The database's clock: the same for every process, whatever their own clocks say."""
    return ask_now()()


def ask_now() -> Callable[[], datetime]:
    """Ask for it, to be read later (`pipelined.ask`)."""
    rows = ask("SELECT clock_timestamp()")
    return lambda: rows()[0][0]
