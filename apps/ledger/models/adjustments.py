"""Money that no call says: what a provider's invoice differs by, and what it gives back."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.audit.history import track
from apps.core.fields import PicoUSDField
from apps.core.ids import uuid7
from apps.core.money import short_usd


class AdjustmentKind(models.TextChoices):
    """Those of the entries that they become."""

    PROVIDER_ADJUSTMENT = "provider_adjustment", "Provider adjustment"
    CREDIT = "credit", "Credit"


class AdjustmentStatus(models.TextChoices):
    REQUESTED = "requested", "Waits for approval"
    APPROVED = "approved", "Approved and booked"
    REJECTED = "rejected", "Rejected"


_ASKED = (
    "id",
    "kind",
    "day",
    "amount_pico",
    "provider",
    "model",
    "service",
    "team",
    "cost_center",
    "reference",
    "reason",
    "requested_by",
    "requested_at",
)


@track()
class Adjustment(models.Model):
    """Asked for by one person and approved by another, which books it: as the entry of its own id,
    so that the ledger's key can take it only once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=20, choices=AdjustmentKind.choices)
    day = models.DateField(help_text="The day whose cost it changes, in the reporting time zone.")
    amount_pico = PicoUSDField(
        "amount, USD", help_text="What the cost changes by: -12.50 lowers it. A credit lowers it."
    )
    provider = models.CharField(max_length=50)
    model = models.CharField(max_length=50, blank=True)
    service = models.CharField(max_length=50, blank=True)
    team = models.CharField(max_length=50, blank=True)
    cost_center = models.CharField("cost centre", max_length=50, blank=True)
    reference = models.CharField(
        max_length=200, help_text="Where it stands, e.g. “invoice 4711, line 3”."
    )
    reason = models.CharField(max_length=500)
    status = models.CharField(
        max_length=10, choices=AdjustmentStatus.choices, default=AdjustmentStatus.REQUESTED
    )
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision = models.CharField(max_length=500, blank=True, help_text="Why it was decided so.")

    class Meta:
        ordering = ["-id"]
        permissions = [("approve_adjustment", "Can approve or reject adjustments and credits")]
        constraints = [
            models.CheckConstraint(condition=~Q(amount_pico=0), name="adjustment_of_something"),
            models.CheckConstraint(
                condition=~Q(kind="credit") | Q(amount_pico__lt=0), name="credit_lowers_the_cost"
            ),
            models.CheckConstraint(
                condition=Q(status="requested", decided_by=None, decided_at=None)
                | Q(~Q(status="requested"), decided_by__isnull=False, decided_at__isnull=False),
                name="adjustment_decided_by_whom",
            ),
            models.CheckConstraint(
                condition=~Q(status="approved") | ~Q(decided_by=F("requested_by")),
                name="adjustment_needs_two_people",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="adjustment_no_delete", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="adjustment_as_asked", fields=list(_ASKED)),
            pgtrigger.Protect(
                name="adjustment_decided_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__status__in=["approved", "rejected"]),
            ),
        ]

    def __str__(self) -> str:
        # a credit is money back already, so its amount needs no minus
        kind, is_credit = self.get_kind_display().lower(), self.kind == AdjustmentKind.CREDIT
        amount = short_usd(-self.amount_pico if is_credit else self.amount_pico)
        return f"{kind} of {amount}, {self.reference}"
