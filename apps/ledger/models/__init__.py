"""The books, and the sums that are kept of them."""

from apps.ledger.models.adjustments import Adjustment, AdjustmentKind, AdjustmentStatus
from apps.ledger.models.books import (
    MENDING,
    SERVING,
    WASTED,
    Attempt,
    AttemptStatus,
    CallDimensions,
    CallSlugs,
    Entry,
    EntryKey,
    EntryKind,
    Flaw,
    Purpose,
    Usage,
)
from apps.ledger.models.decisions import Choice, QuarantineDecision, WaitingEntry
from apps.ledger.models.periods import Boundary, Period, PeriodStatus
from apps.ledger.models.rollups import AttemptCursor, DayAttempts, DayCost, MonthCost, RollupCursor

__all__ = [
    "MENDING",
    "SERVING",
    "WASTED",
    "Adjustment",
    "AdjustmentKind",
    "AdjustmentStatus",
    "Attempt",
    "AttemptCursor",
    "AttemptStatus",
    "Boundary",
    "CallDimensions",
    "CallSlugs",
    "Choice",
    "DayAttempts",
    "DayCost",
    "Entry",
    "EntryKey",
    "EntryKind",
    "Flaw",
    "MonthCost",
    "Period",
    "PeriodStatus",
    "Purpose",
    "QuarantineDecision",
    "RollupCursor",
    "Usage",
    "WaitingEntry",
]
