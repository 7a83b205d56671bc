"""What the attempts of each day were like: how many ended, how many failed, how long they took.

Attempts change when they end, and once more when the truth about one is told late. So nothing is
added to a sum: a day that is over is summed once, as a whole, and forgotten when one of its
attempts changes; then it is summed again. As with entries (`posting`), a cursor over transactions
tells which attempts changed, and a report reads the days that have no sum, or whose sum it finds to
be old, from the attempts themselves. So it is exact at every moment, whenever days were summed.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection

from apps.ledger import attempt_sql
from apps.ledger.following import Follower
from apps.ledger.latencies import BOUNDS, quantile
from apps.ledger.reports import Days
from apps.ledger.types import Mismatch

BATCH = 7  # days in a transaction
_FOLLOWER = Follower("ledger_attemptcursor", 0x617474656D707473, [attempt_sql.CLEAR])


@dataclass(frozen=True, slots=True)
class DayCalls:
    """Attempts that started on one day and have ended. `took`: bucket of `latencies` → those that
    succeeded."""

    day: date
    attempts: int
    failed: int
    took: Mapping[int, int]

    @property
    def p95(self) -> timedelta | None:
        """Within `latencies.ERROR`."""
        return quantile(self.took, 0.95)


def calls_by_day(*, days: Days) -> list[DayCalls]:
    """Of days with attempts. Failed are also those of which nobody knows how they ended."""
    with connection.cursor() as cursor:
        cursor.execute(attempt_sql.READ, _values(days))
        return [
            DayCalls(day, int(attempts), int(failed), _counts(took))
            for day, attempts, failed, took in cursor.fetchall()
        ]


def sum_days(*, zone: str, batch: int = BATCH) -> int:
    """Sum days that are over and not summed, batch by batch; how many they were.

    0 also when another process is at it. Never inside another transaction.
    """
    total = 0
    while found := _sum_batch(zone, batch):
        total += found
        if found < batch:
            break
    return total


def forget_days(*, first: date, last: date) -> None:
    """They are summed again when days are summed next, and are read from attempts meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(attempt_sql.CLEAR_DAYS, {"first": first, "last": last})


def attempt_mismatches(*, days: Days) -> list[Mismatch]:
    """Where a day's sums differ from its attempts: nowhere."""
    with connection.cursor() as cursor:
        cursor.execute(attempt_sql.DRIFT, _values(days))
        return [mismatch for row in cursor.fetchall() for mismatch in _mismatches(*row)]


def _sum_batch(zone: str, batch: int) -> int:
    with _FOLLOWER.turn(zone=zone) as turn:
        if turn is None:
            return 0
        values: dict[str, Any] = {
            "next": turn.horizon,
            "zone": zone,
            "batch": batch,
            "bounds": BOUNDS,
        }
        for statement in (attempt_sql.FORGET, attempt_sql.MOVE, attempt_sql.ADD):
            turn.cursor.execute(statement, values)
        return int(turn.cursor.rowcount)


def _values(days: Days) -> dict[str, Any]:
    return {"zone": days.zone, "first": days.first, "last": days.last, "bounds": BOUNDS}


def _counts(took: str) -> dict[int, int]:
    return {int(bucket): calls for bucket, calls in json.loads(took).items()}


def _mismatches(day: date, *sums: Any) -> Iterator[Mismatch]:
    """Each measure as it is kept, then as computed."""
    for n, name in enumerate(("ended", "failed")):
        if sums[2 * n] != sums[2 * n + 1]:
            yield Mismatch(f"attempts of {day} that {name}", *map(int, sums[2 * n : 2 * n + 2]))
    kept, computed = map(_counts, sums[4:])
    for bucket in sorted({*kept, *computed}):
        is_, should = kept.get(bucket, 0), computed.get(bucket, 0)
        if is_ != should:
            yield Mismatch(f"attempts of {day} in bucket {bucket} of times", is_, should)
