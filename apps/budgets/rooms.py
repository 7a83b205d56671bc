"""Windows as admission sees them, read in one statement, locked or not."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db import connection

from apps.budgets.admission import Room
from apps.budgets.models import Bucket
from apps.budgets.rolling import Used, bucket_of, counted_since, length_of, stretch_of

# Everything about a window that an admission or a threshold needs. With `FOR NO KEY UPDATE` the
# rows are locked in the order of their ids, as everywhere. Raises are read beside the lock: one
# that is approved while we wait for it counts from the next admission on.
_ROOMS = """
    SELECT w.id, w.budget_id, w.starts_at, w.ends_at, w.posted_pico, w.held_pico, w.limit_pico,
           w.overrun_pico, w.carried_pico, b.slug, b.hard, b.limit_pico, b.period, b.length,
           b.thresholds, b.bases, b.on_exceeded, b.cheaper_model, b.min_output_tokens,
           (SELECT coalesce(sum(r.amount_pico), 0) FROM budgets_budgetraise r
            WHERE r.window_id = w.id AND r.status = 'approved'
              AND (r.until IS NULL OR r.until > %s))
    FROM budgets_window w JOIN budgets_budget b ON b.id = w.budget_id
    WHERE w.id = ANY(%s)
    ORDER BY w.id
"""
_LOCK = " FOR NO KEY UPDATE OF w"


def read_rooms(window_ids: Collection[int], *, now: datetime, lock: bool) -> dict[int, Room]:
    """Window id → its room at `now`."""
    if not window_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_ROOMS + (_LOCK if lock else ""), [now, list(window_ids)])
        rooms = {row[0]: _room(row, now) for row in cursor.fetchall()}
    _read_buckets([room for room in rooms.values() if room.length], now)
    return rooms


def _room(row: tuple[Any, ...], now: datetime) -> Room:
    (
        window_id, budget_id, starts_at, ends_at, posted, held, old_limit, overrun, carried,
        slug, hard, limit, period, length, thresholds, bases, action, cheaper, min_tokens, raised,
    ) = row  # fmt: skip
    rolls = length_of(period, length)
    return Room(
        window_id=window_id,
        budget_id=budget_id,
        budget=slug,
        hard=hard,
        limit=limit + carried + int(raised),
        carried=carried,
        raised=int(raised),
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


def _read_buckets(rooms: Iterable[Room], now: datetime) -> None:
    """Only what lies in the period of now counts. The lock on the window covers its buckets, so
    they are read after it is taken."""
    rolling = {room.window_id: room for room in rooms}
    if not rolling:
        return
    oldest = min(counted_since(now, room.length) for room in rolling.values() if room.length)
    rows = Bucket.objects.filter(window__in=rolling, starts_at__gte=oldest)
    used: dict[int, list[Used]] = defaultdict(list)
    values = rows.values_list("window", "starts_at", "posted_pico", "held_pico")
    for window_id, starts_at, posted, held in values:
        used[window_id].append(Used(starts_at, posted, held))
    for room in rolling.values():
        room.roll(used[room.window_id], now)
