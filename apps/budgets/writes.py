"""Set-based updates: one statement for a batch of any size. The caller has locked the rows."""

from collections import defaultdict
from collections.abc import Collection, Iterable

from django.db import connection

from apps.budgets.admission import Move, Room
from apps.budgets.models import Hold

_ADMIT = """
    UPDATE budgets_window AS w
    SET held_pico = w.held_pico + d.admitted, limit_pico = d.limit_pico, hard = d.hard
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bool[])
         AS d(id, admitted, limit_pico, hard)
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
_HOLDS = """
    UPDATE budgets_hold AS h
    SET posted_pico = d.posted, status = d.status, expires_at = d.expires_at,
        resolved_at = d.resolved_at, updated_at = now()
    FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[])
         AS d(id, posted, status, expires_at, resolved_at)
    WHERE h.id = d.id
"""


class WindowMoves:
    """Sums what a batch changes in each window."""

    def __init__(self) -> None:
        self._moves: dict[int, list[Move]] = defaultdict(list)

    def add(self, window_ids: Iterable[int], move: Move) -> None:
        for window_id in window_ids:
            self._moves[window_id].append(move)

    def write(self) -> None:
        if not self._moves:
            return
        columns = (
            list(self._moves),
            [sum(move.posted for move in moves) for moves in self._moves.values()],
            [sum(move.held for move in moves) for moves in self._moves.values()],
            [sum(move.overrun for move in moves) for moves in self._moves.values()],
        )
        with connection.cursor() as cursor:
            cursor.execute(_MOVE, columns)


def write_admitted(rooms: Iterable[Room]) -> None:
    """Add what each window admitted, with the limit that it was admitted under."""
    rows = [(room.window_id, room.admitted, room.limit, room.hard) for room in rooms]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_ADMIT, [list(column) for column in zip(*rows, strict=True)])


def update_holds(holds: Collection[Hold]) -> None:
    if not holds:
        return
    columns = (
        [hold.pk for hold in holds],
        [hold.posted_pico for hold in holds],
        [str(hold.status) for hold in holds],
        [hold.expires_at for hold in holds],
        [hold.resolved_at for hold in holds],
    )
    with connection.cursor() as cursor:
        cursor.execute(_HOLDS, columns)
