"""What people decided about the books, beside the entries that follow from it."""

import pgtrigger
from django.conf import settings
from django.db import models

from apps.audit.history import track
from apps.ledger.models.books import Entry


class Choice(models.TextChoices):
    PROVIDER = "provider", "The provider's total"
    COUNTS = "counts", "Counts that were typed"
    KEEP = "keep", "What was booked"


@track()
class QuarantineDecision(models.Model):
    """How a contested or estimated entry was resolved: once, by whom and why."""

    # Both of the ledger; it has no key by id alone that could be referred to.
    entry_id = models.UUIDField(unique=True)
    correction_id = models.UUIDField(unique=True)
    choice = models.CharField(max_length=10, choices=Choice.choices)
    reason = models.CharField(max_length=500)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()

    class Meta:
        triggers = [
            pgtrigger.Protect(
                name="decision_append_only", operation=pgtrigger.Update | pgtrigger.Delete
            )
        ]

    def __str__(self) -> str:
        return f"{self.choice} for {self.entry_id}"


class WaitingEntry(Entry):
    """An entry that waits for finance (`selectors.quarantined`)."""

    class Meta:
        proxy = True
        verbose_name = "entry in quarantine"
        verbose_name_plural = "entries in quarantine"
