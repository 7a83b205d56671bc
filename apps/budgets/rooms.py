"""Windows as admission sees them, read in one statement, locked or not."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.budgets.admission import Room
from apps.budgets.models import Bucket
from apps.budgets.rolling import Used, bucket_of, counted_since, length_of, stretch_of
from apps.budgets.windows import Bounds
from apps.core.pipelined import ask

# Everything about a window that an admission or a threshold needs, at a given moment or, without
# one, at the database's. With `FOR NO KEY UPDATE` the rows are locked in the order of their ids, as
# everywhere. Raises are read beside the lock: one that is approved while we wait for it counts from
# the next admission on.
_ROOMS = """
    WITH t AS MATERIALIZED (SELECT coalesce(%s::timestamptz, clock_timestamp()) AS now)
    SELECT t.now, w.id, w.budget_id, w.starts_at, w.ends_at, w.posted_pico, w.held_pico,
           w.limit_pico, w.overrun_pico, w.carried_pico, b.slug, b.hard, b.limit_pico, b.period,
           b.length, b.thresholds, b.bases, b.on_exceeded, b.cheaper_model, b.min_output_tokens,
           (SELECT coalesce(sum(r.amount_pico), 0) FROM budgets_budgetraise r
            WHERE r.window_id = w.id AND r.status = 'approved'
              AND (r.until IS NULL OR r.until > t.now))
    FROM t, budgets_window w JOIN budgets_budget b ON b.id = w.budget_id
    WHERE {which}
    ORDER BY w.id
"""
_LOCK = " FOR NO KEY UPDATE OF w"
_BY_IDS = _ROOMS.format(which="w.id = ANY(%s)")
_OF_HOLDS = (
    _ROOMS.format(
        which="w.id IN (SELECT window_id FROM budgets_holdwindow WHERE hold_id = ANY(%s))"
    )
    + _LOCK
)
# The windows that a process thinks are those of now: all of them, or, when one is missing or not of
# now by the database's clock, none. So nothing is locked while windows are made.
_WANTED = """
    (SELECT {what} FROM unnest(%s::bigint[], %s::timestamptz[]) AS wanted(budget_id, starts_at)
     JOIN budgets_window found USING (budget_id, starts_at)
     WHERE starts_at <= t.now AND (ends_at IS NULL OR ends_at > t.now))
"""
_CURRENT = (
    _ROOMS.format(
        which=f"w.id IN {_WANTED.format(what='found.id')}"
        f" AND %s = {_WANTED.format(what='count(*)')}"
    )
    + _LOCK
)

Asked = Callable[[], dict[int, Room]]  # window id → its room


def read_rooms(window_ids: Collection[int], *, now: datetime, lock: bool) -> dict[int, Room]:
    """Window id → its room at `now`."""
    if not window_ids:
        return {}
    return _asked(_BY_IDS + (_LOCK if lock else ""), [now, list(window_ids)])()


def ask_current_rooms(bounds: Bounds, now: datetime | None) -> Asked:
    """Lock the windows with these bounds if they are those of `now` (None: of the database's now);
    when one of them isn't, or doesn't exist, nothing is locked. To be read later."""
    starts = [start for start, _ in bounds.values()]
    wanted = [list(bounds), starts]
    return _asked(_CURRENT, [now, *wanted, len(starts), *wanted])


def ask_rooms_of_holds(hold_ids: Collection[UUID], now: datetime | None) -> Asked:
    """Lock the windows of these holds. To be read later."""
    return _asked(_OF_HOLDS, [now, list(hold_ids)])


def _asked(statement: str, parameters: list[Any]) -> Asked:
    rows = ask(statement, parameters)

    def read() -> dict[int, Room]:
        rooms = {room.window_id: room for room in map(_room, rows())}
        _read_buckets([room for room in rooms.values() if room.length])
        return rooms

    return read


def _room(row: tuple[Any, ...]) -> Room:
    (
        now, window_id, budget_id, starts_at, ends_at, posted, held, old_limit, overrun, carried,
        slug, hard, limit, period, length, thresholds, bases, action, cheaper, min_tokens, raised,
    ) = row  # fmt: skip
    posted, held, old_limit = int(posted), int(held), int(old_limit)
    overrun, carried, raised = int(overrun), int(carried), int(raised)
    rolls = length_of(period, length)
    return Room(
        window_id=window_id,
        read_at=now,
        budget_id=budget_id,
        budget=slug,
        hard=hard,
        limit=limit + carried + raised,
        carried=carried,
        raised=raised,
        overrun=overrun,
        posted=posted,
        held=held,
        ends_at=ends_at,
        length=rolls,
        bucket_at=bucket_of(now, rolls) if rolls else None,
        period_at=stretch_of(now, rolls) if rolls else starts_at,
        thresholds=tuple(thresholds),
        bases=tuple(bases),
        on_exceeded=action,
        cheaper_model=cheaper,
        min_output_tokens=min_tokens,
        old_limit=old_limit,
        old_posted=posted,
        old_held=held,
    )


def _read_buckets(rooms: Iterable[Room]) -> None:
    """Only what lies in the period of now counts. The lock on the window covers its buckets, so
    they are read after it is taken."""
    rolling = {room.window_id: room for room in rooms}
    if not rolling:
        return
    oldest = min(counted_since(r.read_at, r.length) for r in rolling.values() if r.length)
    rows = Bucket.objects.filter(window__in=rolling, starts_at__gte=oldest)
    used: dict[int, list[Used]] = defaultdict(list)
    values = rows.values_list("window", "starts_at", "posted_pico", "held_pico")
    for window_id, starts_at, posted, held in values:
        used[window_id].append(Used(starts_at, posted, held))
    for room in rolling.values():
        room.roll(used[room.window_id])
