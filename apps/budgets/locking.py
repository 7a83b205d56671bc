"""Locks on windows and holds, always in this order and each by id, so that no two writers can wait
for each other. A transaction takes them once: all windows of its batch in one statement."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from apps.budgets.admission import Room
from apps.budgets.models import Hold, HoldWindow, Window
from apps.budgets.types import BudgetFacts
from apps.budgets.windows import Bounds, bounds_now


def lock_rooms(budgets: Collection[BudgetFacts], now: datetime) -> dict[int, Room]:
    """The current window of each budget, made when it is missing, locked. Budget id → room.

    Missing windows are made before anything is locked: an insert waits for a concurrent one of the
    same window, and must not do so while holding locks.
    """
    if not budgets:
        return {}
    bounds = bounds_now(budgets, now)
    ids = _window_ids(bounds)
    missing = [budget for budget in budgets if budget.id not in ids]
    if missing:
        _make_windows(missing, bounds)
        ids = _window_ids(bounds)
    rows = Window.objects.select_for_update(of=("self",), no_key=True).select_related("budget")
    return {row.budget_id: _room(row) for row in rows.filter(pk__in=ids.values()).order_by("pk")}


def lock_holds(
    ids: Collection[UUID], *, skip_locked: bool = False
) -> tuple[dict[UUID, Hold], dict[UUID, list[int]]]:
    """Holds by id and the windows of each, both locked. Holds that don't exist are left out."""
    links: dict[UUID, list[int]] = {id_: [] for id_ in ids}
    pairs = HoldWindow.objects.filter(hold__in=ids).values_list("hold_id", "window_id")
    for hold_id, window_id in pairs:
        links[hold_id].append(window_id)
    windows = {window_id for window_ids in links.values() for window_id in window_ids}
    if windows:
        rows = Window.objects.select_for_update(no_key=True).filter(pk__in=windows)
        list(rows.order_by("pk").values_list("pk"))
    holds = Hold.objects.select_for_update(no_key=True, skip_locked=skip_locked)
    return {hold.pk: hold for hold in holds.filter(pk__in=ids).order_by("pk")}, links


def _window_ids(bounds: Bounds) -> dict[int, int]:
    starts = {start for start, _ in bounds.values()}
    found = Window.objects.filter(budget__in=bounds, starts_at__in=starts)
    return {
        budget_id: window_id
        for window_id, budget_id, starts_at in found.values_list("pk", "budget_id", "starts_at")
        if bounds[budget_id][0] == starts_at
    }


def _make_windows(budgets: Iterable[BudgetFacts], bounds: Bounds) -> None:
    Window.objects.bulk_create(
        [
            Window(
                budget_id=budget.id,
                starts_at=bounds[budget.id][0],
                ends_at=bounds[budget.id][1],
                limit_pico=budget.limit_pico,
                hard=budget.hard,
            )
            for budget in sorted(budgets, key=lambda budget: budget.id)
        ],
        ignore_conflicts=True,
    )


def _room(row: Window) -> Room:
    """With the budget's limit as it stands now, not as it was when the window was made."""
    return Room(
        window_id=row.pk,
        budget=row.budget.slug,
        hard=row.budget.hard,
        limit=row.budget.limit_pico,
        posted=row.posted_pico,
        held=row.held_pico,
        ends_at=row.ends_at,
    )
