"""Budgets, their windows of time, the holds that keep them, raises, records, and what they tell."""

from apps.budgets.models.alerts import Alert, ThresholdCrossing
from apps.budgets.models.budgets import (
    Budget,
    CarryOver,
    OnExceeded,
    Period,
    Weekday,
    validate_time_zone,
)
from apps.budgets.models.choices import Basis
from apps.budgets.models.holds import Hold, HoldStatus, HoldWindow
from apps.budgets.models.raises import BudgetRaise, RaiseStatus
from apps.budgets.models.records import Refusal, WindowDay
from apps.budgets.models.windows import Bucket, Window

__all__ = [
    "Alert",
    "Basis",
    "Bucket",
    "Budget",
    "BudgetRaise",
    "CarryOver",
    "Hold",
    "HoldStatus",
    "HoldWindow",
    "OnExceeded",
    "Period",
    "RaiseStatus",
    "Refusal",
    "ThresholdCrossing",
    "Weekday",
    "Window",
    "WindowDay",
    "validate_time_zone",
]
