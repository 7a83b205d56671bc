"""Months that are closed without a provider's statement, because two people say so."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.audit.history import track
from apps.core.ids import uuid7
from apps.ledger.models import Period
from apps.registry.models import Provider


class WaiverStatus(models.TextChoices):
    REQUESTED = "requested", "Waits for approval"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"


@track()
class Waiver(models.Model):
    """Asked for by one person and approved by another: a month needs no statement of a provider.
    The only thing that waives it; it counts for that month alone."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    provider = models.ForeignKey(Provider, models.PROTECT, related_name="+")
    period = models.ForeignKey(Period, models.PROTECT, related_name="+", verbose_name="month")
    reason = models.CharField(
        max_length=500, help_text="Why there is nothing to compare, for somebody who was not here."
    )
    status = models.CharField(
        max_length=10, choices=WaiverStatus.choices, default=WaiverStatus.REQUESTED
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
        verbose_name = "waived statement"
        permissions = [("approve_waiver", "Can approve or reject that a statement is waived")]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "period"],
                condition=~Q(status="rejected"),
                name="one_waiver_of_a_month",
            ),
            models.CheckConstraint(
                condition=Q(status="requested", decided_by=None, decided_at=None)
                | Q(~Q(status="requested"), decided_by__isnull=False, decided_at__isnull=False),
                name="waiver_decided_by_whom",
            ),
            models.CheckConstraint(
                condition=~Q(status="approved") | ~Q(decided_by=F("requested_by")),
                name="waiver_needs_two_people",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="waiver_has_a_reason"),
        ]
        triggers = [
            pgtrigger.Protect(name="waiver_no_delete", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="waiver_as_asked",
                fields=["id", "provider", "period", "reason", "requested_by", "requested_at"],
            ),
            pgtrigger.Protect(
                name="waiver_decided_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__status__in=["approved", "rejected"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider}, {self.period}"
