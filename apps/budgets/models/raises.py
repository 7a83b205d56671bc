"""“Raise once”: more money for one window, asked for by one person and approved by another."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.audit.history import track
from apps.budgets.models.windows import Window
from apps.core.fields import PicoUSDField


class RaiseStatus(models.TextChoices):
    REQUESTED = "requested", "Waits for approval"
    APPROVED = "approved", "Approved"
    DECLINED = "declined", "Declined"


@track()
class BudgetRaise(models.Model):
    """Adds to the limit of one window, from approval on. The next window starts without it."""

    window = models.ForeignKey(Window, models.PROTECT, related_name="raises")
    amount_pico = PicoUSDField("amount, USD", help_text="Dollars more, for this window only.")
    reason = models.CharField(max_length=500)
    until = models.DateTimeField(
        null=True, blank=True, help_text="Counts until then; empty: to the end of the window."
    )
    status = models.CharField(
        max_length=10, choices=RaiseStatus.choices, default=RaiseStatus.REQUESTED
    )
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        permissions = [("approve_raise", "Can approve or decline budget raises")]
        verbose_name = "budget raise"
        indexes = [
            # every admission: what was approved for the windows that it locks
            models.Index(fields=["window"], name="raise_approved", condition=Q(status="approved"))
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount_pico__gt=0), name="raise_positive"),
            models.CheckConstraint(
                condition=Q(status="requested", decided_by=None, decided_at=None)
                | Q(~Q(status="requested"), decided_by__isnull=False, decided_at__isnull=False),
                name="raise_decided_by_whom_and_when",
            ),
        ]

    def __str__(self) -> str:
        return f"raise of {self.window}"
