"""Locks on windows and holds, always in this order and each by id, so that no two writers can wait
for each other. A transaction takes them once: all windows of its batch in one statement."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.budgets.admission import Room
from apps.budgets.carry import carried_over
from apps.budgets.models import Hold, Window
from apps.budgets.rooms import ask_current_rooms, ask_rooms_of_holds, read_rooms
from apps.budgets.types import BudgetFacts
from apps.budgets.windows import Bounds, bounds_now
from apps.core.clock import db_now
from apps.core.clock import now as clock_now
from apps.core.pipelined import ask
from apps.core.rows import select

Links = dict[UUID, list[tuple[int, datetime | None]]]  # hold → its windows, and buckets in them
# Holds by id, the windows of each, and those windows as rooms; holds and windows locked.
LockedHolds = tuple[dict[UUID, Hold], Links, dict[int, Room]]
AskedHolds = Callable[[], LockedHolds]

_LINKS = "SELECT hold_id, window_id, bucket_at FROM budgets_holdwindow WHERE hold_id = ANY(%s)"
_LOCK_HOLDS = "WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
_STANDING = """
    SELECT h.id, coalesce(array_agg(w.window_id ORDER BY w.window_id)
                          FILTER (WHERE w.window_id IS NOT NULL), '{}')
    FROM budgets_hold h LEFT JOIN budgets_holdwindow w ON w.hold_id = h.id
    WHERE h.id = ANY(%s) GROUP BY h.id
"""


@dataclass(frozen=True, slots=True)
class Locked:
    """What was read for an admission: the moment, budget id → locked room, and holds that stand
    already with their windows."""

    now: datetime
    rooms: Mapping[int, Room]
    standing: Mapping[UUID, tuple[int, ...]]


def lock_rooms(budgets: Collection[BudgetFacts], now: datetime) -> dict[int, Room]:
    """The current window of each budget, made when it is missing, locked. Budget id → room.

    Missing windows are made before anything is locked: an insert waits for a concurrent one of the
    same window, and must not do so while holding locks.
    """
    if not budgets:
        return {}
    bounds = bounds_now(budgets, now)
    ids = window_ids_of(bounds)
    missing = [budget for budget in budgets if budget.id not in ids]
    if missing:
        _make_windows(missing, bounds)
        ids = window_ids_of(bounds)
    rooms = read_rooms(ids.values(), now=now, lock=True)
    return {room.budget_id: room for room in rooms.values()}


def lock_budget_window(budget: BudgetFacts, now: datetime) -> int:
    """The id of the budget's window of now, made when it is missing, locked."""
    return lock_rooms([budget], now)[budget.id].window_id


def lock_for_holds(
    *, budgets: Collection[BudgetFacts], hold_ids: Collection[UUID], now: datetime | None
) -> Locked:
    """What an admission at `now` (None: the database's clock) needs, in one round trip when the
    windows exist already and this process's clock knows which they are."""
    if budgets:
        asked = ask_current_rooms(bounds_now(budgets, now or clock_now()), now)
        standing = _ask_standing(hold_ids)
        if rooms := asked():
            found = {room.budget_id: room for room in rooms.values()}
            return Locked(next(iter(rooms.values())).read_at, found, standing())
        standing()
    now = now or db_now()
    return Locked(now, lock_rooms(budgets, now), _ask_standing(hold_ids)())


def lock_holds(ids: Collection[UUID], *, now: datetime, skip_locked: bool = False) -> LockedHolds:
    """See `ask_holds`."""
    return ask_holds(ids, now=now, skip_locked=skip_locked)()


def ask_holds(
    ids: Collection[UUID], *, now: datetime | None = None, skip_locked: bool = False
) -> AskedHolds:
    """Lock holds and their windows, to be read later (`pipelined.ask`). Those that don't exist are
    left out."""
    if not ids:
        return lambda: ({}, {}, {})
    wanted = list(ids)
    asked_rooms = ask_rooms_of_holds(wanted, now)
    asked_links = ask(_LINKS, [wanted])
    locking = "SKIP LOCKED" if skip_locked else ""
    asked_holds = select(Hold, f"{_LOCK_HOLDS} {locking}", [wanted])

    def read() -> LockedHolds:
        rooms, links = asked_rooms(), asked_links()
        by_hold: Links = {id_: [] for id_ in wanted}
        for hold_id, window_id, bucket_at in links:
            by_hold[hold_id].append((window_id, bucket_at))
        return {hold.pk: hold for hold in asked_holds()}, by_hold, rooms

    return read


def _ask_standing(ids: Collection[UUID]) -> Callable[[], dict[UUID, tuple[int, ...]]]:
    """Holds among `ids` that exist, with their windows."""
    rows = ask(_STANDING, [list(ids)])
    return lambda: {hold_id: tuple(window_ids) for hold_id, window_ids in rows()}


def window_ids_of(bounds: Bounds) -> dict[int, int]:
    """Budget id → its window with these bounds, where there is one."""
    starts = {start for start, _ in bounds.values()}
    found = Window.objects.filter(budget__in=bounds, starts_at__in=starts)
    return {
        budget_id: window_id
        for window_id, budget_id, starts_at in found.values_list("pk", "budget_id", "starts_at")
        if bounds[budget_id][0] == starts_at
    }


def _make_windows(budgets: Sequence[BudgetFacts], bounds: Bounds) -> None:
    carried = carried_over(budgets, bounds)
    Window.objects.bulk_create(
        [
            Window(
                budget_id=budget.id,
                starts_at=bounds[budget.id][0],
                ends_at=bounds[budget.id][1],
                limit_pico=budget.limit_pico + carried.get(budget.id, 0),
                carried_pico=carried.get(budget.id, 0),
                hard=budget.hard,
            )
            for budget in sorted(budgets, key=lambda budget: budget.id)
        ],
        ignore_conflicts=True,
    )
