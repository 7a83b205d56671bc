"""Entries into rollups: each once, none left out, however late its transaction commits.

An entry stores the transaction that wrote it. Whatever is older than the oldest transaction that
still runs has ended for good, so a cursor over transactions never passes a row that appears later;
a cursor over ids or times would. It moves in the transaction that changes the rollups, and an
advisory lock lets one process at a time do so.
"""

from datetime import date
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from apps.ledger import following, rollup_sql
from apps.ledger.attempts import forget_days, sum_days
from apps.ledger.months import end_of_month, start_of_month

BATCH = 20_000  # entries in a transaction: about two seconds
_LOCK = 0x6C6564676572  # a number that nothing else locks


def post_entries(*, zone: str, batch: int = BATCH) -> int:
    """Add entries that no rollup holds yet, batch by batch; how many they were.

    0 also when another process is at it. Never inside another transaction: that could write more
    entries under a number that the cursor has passed.
    """
    total = 0
    while posted := _post_batch(zone, batch):
        total += posted
        if posted < batch:
            break
    return total


def rebuild_days(*, first: date, last: date, zone: str) -> None:
    """Make the rollups of these days (both included) anew, and of the months that they are in."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        _lock(cursor, wait=True)
        _begin(cursor, zone)
        days: dict[str, Any] = {"first": first, "last": last, "zone": zone}
        months: dict[str, Any] = {"first": start_of_month(first), "last": end_of_month(last)}
        for statement in (*rollup_sql.CLEAR_DAYS, *rollup_sql.REBUILD_DAYS):
            cursor.execute(statement, days)
        for statement in (*rollup_sql.CLEAR_MONTHS, *rollup_sql.REBUILD_MONTHS):
            cursor.execute(statement, months)
    forget_days(first=first, last=last)
    sum_days(zone=zone)


def rebuild_all(*, zone: str, after_restore: bool = False) -> int:
    """Throw all rollups away and post every entry again; how many. Reports stay exact meanwhile:
    they read what is not posted from the entries.

    After a dump was restored into another cluster, the numbers of its transactions may belong to
    the future. `after_restore` makes its entries older than any transaction: it rewrites the
    table, as its owner, and changes nothing that is booked.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        _lock(cursor, wait=True)
        if after_restore:
            cursor.execute(rollup_sql.ADOPT)
        _clear(cursor)
        cursor.execute(rollup_sql.MOVE, {"next": "0"})
    forget_days(first=date.min, last=date.max)
    sum_days(zone=zone)
    return post_entries(zone=zone)


def _post_batch(zone: str, batch: int) -> int:
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        if not _lock(cursor, wait=False):
            return 0
        _begin(cursor, zone)
        horizon = _value(cursor, following.HORIZON)
        until = _value(cursor, rollup_sql.NEXT, {"horizon": horizon, "batch": batch})
        values = {"next": until, "zone": zone}
        posted = int(_value(cursor, rollup_sql.POST, values))
        cursor.execute(rollup_sql.MOVE, values)
    return posted


def _lock(cursor: CursorWrapper, *, wait: bool) -> bool:
    """Until the end of the transaction."""
    call = "pg_advisory_xact_lock" if wait else "pg_try_advisory_xact_lock"
    return _value(cursor, f"SELECT {call}({_LOCK})") is not False


def _begin(cursor: CursorWrapper, zone: str) -> None:
    cursor.execute(rollup_sql.BEGIN, {"zone": zone})
    if cursor.rowcount:
        _clear(cursor)


def _clear(cursor: CursorWrapper) -> None:
    for statement in rollup_sql.CLEAR:
        cursor.execute(statement)


def _value(cursor: CursorWrapper, statement: str, values: dict[str, Any] | None = None) -> Any:
    cursor.execute(statement, values)
    return cursor.fetchone()[0]
