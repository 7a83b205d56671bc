"""What people did to jobs, batches and deliveries, so that the audit log has it with its reason."""

import pgtrigger
from django.db import models

from apps.audit.history import track


@track()
class Intervention(models.Model):
    """One order of a person, about any number of rows. Append-only."""

    class Action(models.TextChoices):
        CANCEL = "cancel", "Cancel"
        RETRY = "retry", "Retry"
        CANCEL_BATCH = "cancel_batch", "Cancel batch"
        REDELIVER = "redeliver", "Deliver again"

    action = models.CharField(max_length=20, choices=Action.choices)
    name = models.CharField(max_length=300, help_text="How many, and which.")
    reason = models.CharField(max_length=500)
    actor = models.CharField(max_length=200)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "intervention in jobs"
        ordering = ["-id"]
        triggers = [
            pgtrigger.Protect(
                name="intervention_append_only", operation=pgtrigger.Update | pgtrigger.Delete
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()}: {self.name}"
