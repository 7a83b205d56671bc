"""The books for people: to read, never to change."""

from apps.ledger.admin.attempts import AttemptAdmin
from apps.ledger.admin.entries import EntryAdmin

__all__ = ["AttemptAdmin", "EntryAdmin"]
