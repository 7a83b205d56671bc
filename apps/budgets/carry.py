"""What a new window takes over from the one before it. Decided once, when the window is made."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from apps.budgets.models import Window
from apps.budgets.types import IsBudget
from apps.budgets.windows import Bounds, bounds_now
from apps.core.money import Pico

_UNSPENT = ("unspent", "both")
_OVERSPEND = ("overspend", "both")
_INSTANT = timedelta(microseconds=1)


def carried_over(budgets: Iterable[IsBudget], bounds: Bounds) -> dict[int, Pico]:
    """Budget id → what its window of `bounds` takes over; negative: deducted. 0 isn't listed.

    What running calls still hold counts as spent, so that nothing is carried over twice.
    """
    carrying = [budget for budget in budgets if budget.carry_over != "none"]
    if not carrying:
        return {}
    before = {
        budget.id: bounds_now([budget], bounds[budget.id][0] - _INSTANT)[budget.id]
        for budget in carrying
    }
    windows = _windows(before)
    return {
        budget.id: amount
        for budget in carrying
        if (amount := _carried(budget, windows.get(budget.id), before[budget.id]))
    }


def _carried(
    budget: IsBudget, window: Window | None, bounds: tuple[datetime, datetime | None]
) -> Pico:
    cap = budget.limit_pico * budget.carry_cap_percent // 100
    if window is None:  # nobody asked for anything then
        existed = bounds[1] is not None and budget.created_at < bounds[1]
        return min(cap, budget.limit_pico) if existed and budget.carry_over in _UNSPENT else 0
    own = window.limit_pico - window.raised_pico  # a raise is for its own window only
    unspent = own - window.posted_pico - window.held_pico
    if unspent > 0:
        return min(cap, unspent) if budget.carry_over in _UNSPENT else 0
    overspent = window.posted_pico - window.limit_pico
    return -overspent if overspent > 0 and budget.carry_over in _OVERSPEND else 0


def _windows(bounds: Mapping[int, tuple[datetime, datetime | None]]) -> dict[int, Window]:
    starts: Collection[datetime] = {start for start, _ in bounds.values()}
    found = Window.objects.filter(budget__in=bounds, starts_at__in=starts)
    return {w.budget_id: w for w in found if bounds[w.budget_id][0] == w.starts_at}
