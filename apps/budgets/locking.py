"""Locks on windows and holds, always in this order and each by id, so that no two writers can wait
for each other. A transaction takes them once: all windows of its batch in one statement."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from apps.budgets.admission import Room
from apps.budgets.carry import carried_over
from apps.budgets.models import Hold, HoldWindow, Window
from apps.budgets.rooms import read_rooms
from apps.budgets.types import BudgetFacts
from apps.budgets.windows import Bounds, bounds_now

Links = dict[UUID, list[tuple[int, datetime | None]]]  # hold → its windows, and buckets in them


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


def lock_holds(
    ids: Collection[UUID], *, now: datetime, skip_locked: bool = False
) -> tuple[dict[UUID, Hold], Links, dict[int, Room]]:
    """Holds by id, the windows of each, and those windows as rooms; holds and windows locked.
    Holds that don't exist are left out."""
    links: Links = {id_: [] for id_ in ids}
    pairs = HoldWindow.objects.filter(hold__in=ids)
    for hold_id, window_id, bucket_at in pairs.values_list("hold_id", "window_id", "bucket_at"):
        links[hold_id].append((window_id, bucket_at))
    window_ids = {window_id for linked in links.values() for window_id, _ in linked}
    rooms = read_rooms(window_ids, now=now, lock=True)
    holds = Hold.objects.select_for_update(no_key=True, skip_locked=skip_locked)
    return {hold.pk: hold for hold in holds.filter(pk__in=ids).order_by("pk")}, links, rooms


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
