"""Set-based updates: one statement for a batch of any size. The caller has locked the rows."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from apps.budgets.admission import Move, Room
from apps.budgets.models import Hold
from apps.core.rows import write

_ADMIT = """
    UPDATE budgets_window AS w
    SET held_pico = w.held_pico + d.admitted, limit_pico = d.limit_pico, hard = d.hard,
        raised_pico = d.raised, outside_pico = d.outside
    FROM json_to_recordset(%s) AS d(id bigint, admitted bigint, limit_pico bigint, hard bool,
                                    raised bigint, outside bigint)
    WHERE w.id = d.id
"""
_MOVE = """
    UPDATE budgets_window AS w
    SET posted_pico = w.posted_pico + d.posted, held_pico = w.held_pico + d.held,
        overrun_pico = w.overrun_pico + d.overrun
    FROM json_to_recordset(%s) AS d(id bigint, posted bigint, held bigint, overrun bigint)
    WHERE w.id = d.id
"""
_ADMIT_BUCKETS = """
    INSERT INTO budgets_bucket (window_id, starts_at, posted_pico, held_pico)
    SELECT d.window_id, d.starts_at, 0, d.held
    FROM json_to_recordset(%s) AS d(window_id bigint, starts_at timestamptz, held bigint)
    ON CONFLICT (window_id, starts_at)
    DO UPDATE SET held_pico = budgets_bucket.held_pico + excluded.held_pico
"""
_MOVE_BUCKETS = """
    UPDATE budgets_bucket AS b
    SET posted_pico = b.posted_pico + d.posted, held_pico = b.held_pico + d.held
    FROM json_to_recordset(%s)
         AS d(window_id bigint, starts_at timestamptz, posted bigint, held bigint)
    WHERE b.window_id = d.window_id AND b.starts_at = d.starts_at
"""
_HOLDS = """
    UPDATE budgets_hold AS h
    SET posted_pico = d.posted_pico, status = d.status, expires_at = d.expires_at,
        resolved_at = d.resolved_at, updated_at = now()
    FROM json_to_recordset(%s)
         AS d(id uuid, posted_pico bigint, status text, expires_at timestamptz,
              resolved_at timestamptz)
    WHERE h.id = d.id
"""
_MOVED = ("posted", "held", "overrun")
_RESOLVED = ("id", "posted_pico", "status", "expires_at", "resolved_at")


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
        write(_MOVE, [{"id": id_} | _sums(moves) for id_, moves in self._windows.items()])
        write(
            _MOVE_BUCKETS,
            [
                {"window_id": window_id, "starts_at": starts_at} | _sums(moves)
                for (window_id, starts_at), moves in self._buckets.items()
            ],
        )


def write_admitted(rooms: Collection[Room]) -> None:
    """Add what each window admitted, with the limit that it was admitted under."""
    write(
        _ADMIT,
        [
            {
                "id": room.window_id,
                "admitted": room.admitted,
                "limit_pico": room.limit,
                "hard": room.hard,
                "raised": room.raised,
                "outside": room.outside,
            }
            for room in rooms
        ],
    )
    write(
        _ADMIT_BUCKETS,
        [
            {"window_id": room.window_id, "starts_at": room.bucket_at, "held": room.admitted}
            for room in rooms
            if room.bucket_at is not None and room.admitted
        ],
    )


def update_holds(holds: Collection[Hold]) -> None:
    write(_HOLDS, [{name: getattr(hold, name) for name in _RESOLVED} for hold in holds])


def _sums(moves: Collection[Move]) -> dict[str, int]:
    return {name: sum(getattr(move, name) for move in moves) for name in _MOVED}
