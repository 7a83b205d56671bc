"""A partition of the ledger for each month, made before the month begins.

What must not happen is that an entry finds no place: so there is a default partition, and an entry
of a month that nobody made waits in it, booked and counted like any other, until the month is made.
Months are those of UTC. The tables belong to the role that migrates; a function of the database
(`ledger_entry_month`) makes one for whoever may execute it.
"""

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime

import structlog
from django.db import DatabaseError, connection, transaction
from psycopg.errors import LockNotAvailable

from apps.ledger import metrics
from apps.ledger.months import start_of_month, start_of_next_month

AHEAD = 6  # months: so long may making them fail before an entry has to wait
_PAUSES = (0, 0.1, 0.3, 1)  # seconds before each try: who reads or books has the right of way
_STRAYS = "SELECT month, entries FROM ledger_entry_strays()"
_LEAVES = """
    SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'ledger_entry'::regclass
"""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Months:
    """How far ahead the ledger has partitions, and what has none."""

    ahead: int  # months after the current one, without a gap; -1: not even the current one
    strays: int  # entries in the default partition
    failed: tuple[date, ...]


def make_months(*, now: datetime, ahead: int = AHEAD) -> Months:
    """Make the partitions of this month, of `ahead` months after it, and of every month with
    entries that wait in the default partition, which move. Those that are there are left alone.

    A month that cannot be made now (its locks are not had in four tries, or it lies outside
    of what the database accepts) is logged and returned; the others are made.
    """
    this = start_of_month(now.astimezone(UTC).date())
    wanted = {*_from(this, ahead), *_strays()}
    failed = tuple(month for month in sorted(wanted) if not _made(month))
    months = Months(_ahead(this), sum(_strays().values()), failed)
    metrics.observe_months(ahead=months.ahead, strays=months.strays)
    return months


def _from(month: date, ahead: int) -> list[date]:
    months = [month]
    for _ in range(ahead):
        months.append(start_of_next_month(months[-1]))
    return months


def _strays() -> dict[date, int]:
    with connection.cursor() as cursor:
        cursor.execute(_STRAYS)
        return dict(cursor.fetchall())


def _made(month: date) -> bool:
    fault: DatabaseError | None = None
    for pause in _PAUSES:
        time.sleep(pause)
        try:
            _make(month)
            return True
        except DatabaseError as error:
            fault = error
            if not isinstance(error.__cause__, LockNotAvailable):
                break
    log.error("ledger_month_not_made", month=str(month), error=str(fault))
    return False


def _make(month: date) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT ledger_entry_month(%s)", [month])
        moved = cursor.fetchone()[0]
    if moved:
        log.warning("ledger_entries_moved", month=str(month), entries=moved)


def _ahead(this: date) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_LEAVES)
        leaves = {name for (name,) in cursor.fetchall()}
    month, ahead = this, -1
    while f"ledger_entry_{month:%Y_%m}" in leaves:
        month, ahead = start_of_next_month(month), ahead + 1
    return ahead
