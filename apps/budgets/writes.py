"""Set-based updates: one statement for a batch of any size. The caller has locked the rows."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db import connection

from apps.budgets.admission import Move, Room
from apps.budgets.models import Hold

_ADMIT = """
    UPDATE budgets_window AS w
    SET held_pico = w.held_pico + d.admitted, limit_pico = d.limit_pico, hard = d.hard,
        raised_pico = d.raised, outside_pico = d.outside
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bool[], %s::bigint[], %s::bigint[])
         AS d(id, admitted, limit_pico, hard, raised, outside)
    WHERE w.id = d.id
"""
_MOVE = """
    UPDATE budgets_window AS w
    SET posted_pico = w.posted_pico + d.posted, held_pico = w.held_pico + d.held,
        overrun_pico = w.overrun_pico + d.overrun
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
         AS d(id, posted, held, overrun)
    WHERE w.id = d.id
"""
_ADMIT_BUCKETS = """
    INSERT INTO budgets_bucket (window_id, starts_at, posted_pico, held_pico)
    SELECT d.window_id, d.starts_at, 0, d.held
    FROM unnest(%s::bigint[], %s::timestamptz[], %s::bigint[]) AS d(window_id, starts_at, held)
    ON CONFLICT (window_id, starts_at)
    DO UPDATE SET held_pico = budgets_bucket.held_pico + excluded.held_pico
"""
_MOVE_BUCKETS = """
    UPDATE budgets_bucket AS b
    SET posted_pico = b.posted_pico + d.posted, held_pico = b.held_pico + d.held
    FROM unnest(%s::bigint[], %s::timestamptz[], %s::bigint[], %s::bigint[])
         AS d(window_id, starts_at, posted, held)
    WHERE b.window_id = d.window_id AND b.starts_at = d.starts_at
"""
_HOLDS = """
    UPDATE budgets_hold AS h
    SET posted_pico = d.posted, status = d.status, expires_at = d.expires_at,
        resolved_at = d.resolved_at, updated_at = now()
    FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[])
         AS d(id, posted, status, expires_at, resolved_at)
    WHERE h.id = d.id
"""


class WindowMoves:
    """Sums what a batch changes in each window, and in each bucket of rolling ones."""

    def __init__(self) -> None:
        self._windows: dict[int, list[Move]] = defaultdict(list)
        self._buckets: dict[tuple[int, datetime], list[Move]] = defaultdict(list)

    def add(self, windows: Iterable[tuple[int, datetime | None]], move: Move) -> None:
        for window_id, bucket_at in windows:
            self._windows[window_id].append(move)
            if bucket_at is not None:
                self._buckets[window_id, bucket_at].append(move)

    def write(self) -> None:
        _execute(
            _MOVE,
            [
                (id_, _sum(moves, "posted"), _sum(moves, "held"), _sum(moves, "overrun"))
                for id_, moves in self._windows.items()
            ],
        )
        _execute(
            _MOVE_BUCKETS,
            [
                (*key, _sum(moves, "posted"), _sum(moves, "held"))
                for key, moves in self._buckets.items()
            ],
        )


def write_admitted(rooms: Collection[Room]) -> None:
    """Add what each window admitted, with the limit that it was admitted under."""
    _execute(
        _ADMIT,
        [
            (room.window_id, room.admitted, room.limit, room.hard, room.raised, room.outside)
            for room in rooms
        ],
    )
    _execute(
        _ADMIT_BUCKETS,
        [
            (room.window_id, room.bucket_at, room.admitted)
            for room in rooms
            if room.bucket_at is not None and room.admitted
        ],
    )


def update_holds(holds: Collection[Hold]) -> None:
    rows = [(h.pk, h.posted_pico, str(h.status), h.expires_at, h.resolved_at) for h in holds]
    _execute(_HOLDS, rows)


def _execute(statement: str, rows: Collection[tuple[Any, ...]]) -> None:
    """With a column of values for each parameter; without rows there is nothing to do."""
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(statement, [list(column) for column in zip(*rows, strict=True)])


def _sum(moves: Iterable[Move], name: str) -> int:
    return sum(getattr(move, name) for move in moves)
