"""The books for people: to read, never to change."""

from apps.ledger.admin.adjustments import AdjustmentAdmin
from apps.ledger.admin.attempts import AttemptAdmin
from apps.ledger.admin.entries import EntryAdmin
from apps.ledger.admin.periods import PeriodAdmin

__all__ = ["AdjustmentAdmin", "AttemptAdmin", "EntryAdmin", "PeriodAdmin"]
