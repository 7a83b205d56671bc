"""Thresholds: which were reached by a change, and the record that makes each tell only once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from apps.budgets.admission import Room
from apps.core.money import Pico

# The unique crossing decides; whoever comes second inserts nothing and so tells nobody.
_INSERT = """
    WITH crossed AS (
        INSERT INTO budgets_thresholdcrossing
            (window_id, period_at, percent, basis, used_pico, limit_pico, at)
        SELECT d.*, %s FROM unnest(%s::bigint[], %s::timestamptz[], %s::int[], %s::text[],
                                   %s::numeric[], %s::numeric[])
            AS d(window_id, period_at, percent, basis, used_pico, limit_pico)
        ON CONFLICT DO NOTHING
        RETURNING id
    )
    INSERT INTO budgets_alert (crossing_id, next_try_at, tries, error)
    SELECT id, %s, 0, '' FROM crossed
"""


@dataclass(frozen=True, slots=True)
class Crossing:
    """A threshold that was reached: `used` is what was compared with `limit`."""

    window_id: int
    period_at: datetime
    percent: int
    basis: str
    used: Pico
    limit: Pico


def reached(*, used: Pico, limit: Pico, percent: int) -> bool:
    return used > 0 and used * 100 >= limit * percent


def crossings_of(room: Room) -> list[Crossing]:
    """What the changes to a locked window crossed, of money spent and money committed."""
    used = {
        "actual": (room.old_posted, room.posted),
        "committed": (room.old_posted + room.old_held, room.posted + room.held),
    }
    return [
        Crossing(room.window_id, room.period_at, percent, basis, after, room.limit)
        for basis, (before, after) in used.items()
        if basis in room.bases
        for percent in room.thresholds
        if reached(used=after, limit=room.limit, percent=percent)
        and not reached(used=before, limit=room.old_limit, percent=percent)
    ]


def record(crossings: Sequence[Crossing], now: datetime) -> int:
    """Write them, each with its message in the outbox. How many were new."""
    if not crossings:
        return 0
    rows: Iterable[tuple[object, ...]] = (
        (c.window_id, c.period_at, c.percent, c.basis, c.used, c.limit) for c in crossings
    )
    columns = [list(column) for column in zip(*rows, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [now, *columns, now])
        return int(cursor.rowcount)
