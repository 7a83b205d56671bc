"""Set-based updates: one statement for a batch of any size. The caller has locked the rows."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from apps.budgets.admission import Move, Room
from apps.budgets.models import Hold
from apps.budgets.types import BudgetExceeded, HoldRequest
from apps.core.rows import write

_ADMIT = """
    UPDATE budgets_window AS w
    SET held_pico = w.held_pico + new.admitted, limit_pico = new.limit_pico, hard = new.hard,
        raised_pico = new.raised, outside_pico = new.outside
    FROM (SELECT * FROM json_to_recordset(%s) AS rows(
              id bigint, admitted bigint, limit_pico numeric, hard bool,
              raised numeric, outside numeric
          ) LIMIT %s) AS new
    WHERE w.id = new.id
"""
# What is posted counts to a day of the budget's own calendar, too; a clock turned back across
# midnight leaves no window.
_MOVE = """
    WITH moved AS (
        UPDATE budgets_window AS w
        SET posted_pico = w.posted_pico + new.posted, held_pico = w.held_pico + new.held,
            overrun_pico = w.overrun_pico + new.overrun
        FROM (SELECT * FROM json_to_recordset(%s) AS rows(
                  id bigint, posted bigint, held bigint, overrun bigint, at timestamptz
              ) LIMIT %s) AS new
        WHERE w.id = new.id
        RETURNING w.id, w.budget_id, w.starts_at, w.ends_at, new.posted, new.at
    )
    INSERT INTO budgets_windowday AS day (window_id, day, posted_pico)
    SELECT w.id, greatest(
        least((w.at AT TIME ZONE b.time_zone)::date,
              ((w.ends_at - interval '1 microsecond') AT TIME ZONE b.time_zone)::date),
        (w.starts_at AT TIME ZONE b.time_zone)::date), w.posted
    FROM moved w JOIN budgets_budget b ON b.id = w.budget_id
    WHERE w.posted <> 0
    ON CONFLICT (window_id, day)
    DO UPDATE SET posted_pico = day.posted_pico + excluded.posted_pico
"""
_ADMIT_BUCKETS = """
    INSERT INTO budgets_bucket (window_id, starts_at, posted_pico, held_pico)
    SELECT new.window_id, new.starts_at, 0, new.held
    FROM (SELECT * FROM json_to_recordset(%s) AS rows(
              window_id bigint, starts_at timestamptz, held bigint
          ) LIMIT %s) AS new
    ON CONFLICT (window_id, starts_at)
    DO UPDATE SET held_pico = budgets_bucket.held_pico + excluded.held_pico
"""
_MOVE_BUCKETS = """
    UPDATE budgets_bucket AS b
    SET posted_pico = b.posted_pico + new.posted, held_pico = b.held_pico + new.held
    FROM (SELECT * FROM json_to_recordset(%s) AS rows(
              window_id bigint, starts_at timestamptz, posted bigint,
              held bigint
          ) LIMIT %s) AS new
    WHERE b.window_id = new.window_id AND b.starts_at = new.starts_at
"""
_REFUSE = """
    INSERT INTO budgets_refusal AS refusal
        (window_id, hour, service, model, calls, waiting, unpriced, needed_pico, latest_at)
    SELECT new.window_id, date_trunc('hour', new.at, 'UTC'), new.service, new.model, new.calls,
           new.waiting, new.unpriced, new.needed, new.at
    FROM (SELECT * FROM json_to_recordset(%s) AS rows(
              window_id bigint, service text, model text, calls int, waiting int,
              unpriced int, needed numeric, at timestamptz
          ) LIMIT %s) AS new
    ON CONFLICT (window_id, hour, service, model)
    DO UPDATE SET calls = refusal.calls + excluded.calls,
        waiting = refusal.waiting + excluded.waiting,
        unpriced = refusal.unpriced + excluded.unpriced,
        needed_pico = refusal.needed_pico + excluded.needed_pico,
        latest_at = excluded.latest_at
"""
_HOLDS = """
    UPDATE budgets_hold AS h
    SET posted_pico = new.posted_pico, status = new.status, expires_at = new.expires_at,
        resolved_at = new.resolved_at, updated_at = now()
    FROM (SELECT * FROM json_to_recordset(%s) AS rows(
              id uuid, posted_pico bigint, status text,
              expires_at timestamptz, resolved_at timestamptz
          ) LIMIT %s) AS new
    WHERE h.id = new.id
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

    def write(self, now: datetime) -> None:
        write(
            _MOVE,
            [{"id": id_, "at": now} | _sums(moves) for id_, moves in self._windows.items()],
        )
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
                "limit_pico": str(room.limit),  # sums may be longer than a JSON writer's integers
                "hard": room.hard,
                "raised": str(room.raised),
                "outside": str(room.outside),
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


def write_refusals(
    refused: Iterable[tuple[int, HoldRequest, BudgetExceeded]], now: datetime
) -> None:
    """Count them by window, service and model: (window id, what was asked, the answer)."""
    groups: dict[tuple[int, str, str], list[tuple[HoldRequest, BudgetExceeded]]] = defaultdict(list)
    for window_id, request, answer in refused:
        key = window_id, request.scope.service, request.scope.model
        groups[key].append((request, answer))
    write(
        _REFUSE,
        [
            {
                "window_id": window_id,
                "service": service,
                "model": model,
                "calls": len(group),
                "waiting": sum(answer.jobs_wait for _, answer in group),
                "unpriced": sum(not answer.priced for _, answer in group),
                "needed": str(sum(request.amount_pico for request, _ in group)),
                "at": now,
            }
            for (window_id, service, model), group in groups.items()
        ],
    )


def update_holds(holds: Collection[Hold]) -> None:
    write(_HOLDS, [{name: getattr(hold, name) for name in _RESOLVED} for hold in holds])


def _sums(moves: Collection[Move]) -> dict[str, int]:
    return {name: sum(getattr(move, name) for move in moves) for name in _MOVED}
