"""What a new window takes over from the one before it. Decided once, when the window is made."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import reduce
from operator import or_

from django.db.models import Q

from apps.budgets.models import BudgetRaise, RaiseStatus, Window
from apps.budgets.types import IsBudget
from apps.budgets.windows import Bounds, bounds_now
from apps.core.money import Pico

FOREVER = datetime.max.replace(tzinfo=UTC)
_UNSPENT = ("unspent", "both")
_OVERSPEND = ("overspend", "both")


def carried_over(budgets: Iterable[IsBudget], bounds: Bounds) -> dict[int, Pico]:
    """Budget id → what its window of `bounds` takes over; negative: deducted. 0 isn't listed.

    What running calls still hold counts as spent, so that nothing is carried over twice.
    """
    carrying = [budget for budget in budgets if budget.carry_over != "none"]
    if not carrying:
        return {}
    windows = _latest_before(carrying, bounds)
    return {
        budget.id: amount
        for budget in carrying
        if (amount := _carried(budget, windows.get(budget.id), bounds[budget.id][0]))
    }


def _carried(budget: IsBudget, window: Window | None, until: datetime) -> Pico:
    """`window`: the latest one that was made, if any. In those between it and `until` nobody asked
    for anything; a debt is paid off in them, and what is unspent adds up, all the same."""
    amount, at = 0, budget.created_at
    if window is not None:
        amount, at = _left_by(budget, window), window.ends_at or until
    while at < until:
        before, own = amount, budget.limit_pico + amount
        amount = _passed_on(budget, unspent=own, overspent=-own)
        if amount == before:
            break  # and so it stays
        at = bounds_now([budget], at)[budget.id][1] or until
    return amount


def _left_by(budget: IsBudget, window: Window) -> Pico:
    own = window.limit_pico - window.raised_pico  # a raise is for its own window only
    return _passed_on(
        budget,
        unspent=own - window.posted_pico - window.held_pico,
        overspent=window.posted_pico - own - _most_raised(window),
    )


def _most_raised(window: Window) -> Pico:
    """What its raises allowed at most at one time; some may have ended before the window."""
    raises = [raise_ for raise_ in window.raises.all() if raise_.status == RaiseStatus.APPROVED]
    return max((_raised_at(raise_.decided_at, raises) for raise_ in raises), default=0)


def _raised_at(at: datetime | None, raises: Iterable[BudgetRaise]) -> Pico:
    return sum(
        raise_.amount_pico
        for raise_ in raises
        if at and raise_.decided_at and raise_.decided_at <= at < (raise_.until or FOREVER)
    )


def _passed_on(budget: IsBudget, *, unspent: Pico, overspent: Pico) -> Pico:
    if unspent > 0:
        cap = budget.limit_pico * budget.carry_cap_percent // 100
        return min(cap, unspent) if budget.carry_over in _UNSPENT else 0
    return -overspent if overspent > 0 and budget.carry_over in _OVERSPEND else 0


def _latest_before(budgets: Sequence[IsBudget], bounds: Bounds) -> Mapping[int, Window]:
    earlier = [Q(budget=budget.id, starts_at__lt=bounds[budget.id][0]) for budget in budgets]
    found = Window.objects.filter(reduce(or_, earlier)).prefetch_related("raises")
    return {w.budget_id: w for w in found.order_by("budget_id", "-starts_at").distinct("budget_id")}
