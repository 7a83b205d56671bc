"""Budgets for finance; windows and holds to look into."""

from apps.budgets.admin.budgets import BudgetAdmin
from apps.budgets.admin.raises import BudgetRaiseAdmin, ThresholdCrossingAdmin
from apps.budgets.admin.records import HoldAdmin, WindowAdmin

__all__ = [
    "BudgetAdmin",
    "BudgetRaiseAdmin",
    "HoldAdmin",
    "ThresholdCrossingAdmin",
    "WindowAdmin",
]
