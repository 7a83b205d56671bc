"""Months of the books, and how far they are closed."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.audit.history import track
from apps.ledger.fields import Xid8Field


class PeriodStatus(models.TextChoices):
    OPEN = "open", "Open"
    SOFT_CLOSED = "soft_closed", "Soft-closed"  # takes adjustments and credits, and nothing else
    CLOSED = "closed", "Closed"  # takes nothing, for ever


@track()
class Period(models.Model):
    """A month that has ended. Its bounds are instants, frozen when the row is made, and each month
    begins where the one before ends: so that another reporting time zone opens no gap."""

    month = models.DateField(primary_key=True, help_text="Its first day.")
    start = models.DateTimeField()
    end = models.DateTimeField(help_text="The first moment after it.")
    zone = models.CharField(max_length=60, help_text="The reporting time zone of its days.")
    status = models.CharField(
        max_length=12, choices=PeriodStatus.choices, default=PeriodStatus.OPEN
    )
    soft_closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, editable=False, related_name="+"
    )
    soft_closed_at = models.DateTimeField(null=True, editable=False)
    # the first transaction after the soft close: when all before it have ended, none can still
    # write what it had begun before
    after_xid = Xid8Field(null=True, editable=False)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, editable=False, related_name="+"
    )
    closed_at = models.DateTimeField(null=True, editable=False)
    entries = models.BigIntegerField(default=0, help_text="How many the seal covers.")
    # a sum may exceed 64 bits, which hold ± 9.2 million dollars
    amount_pico = models.DecimalField(max_digits=38, decimal_places=0, default=0)
    days = models.JSONField(default=list, help_text="[day, entries, amount in pico-USD, digest]")
    previous_seal = models.CharField(max_length=64, blank=True)
    seal = models.CharField(max_length=64, blank=True, help_text="SHA-256 over all of the above.")

    class Meta:
        ordering = ["-month"]
        verbose_name = "month"
        permissions = [("close_period", "Can close months, and open soft-closed ones again")]
        constraints = [
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="period_has_a_length"),
            models.CheckConstraint(
                condition=Q(status="closed", closed_by__isnull=False, closed_at__isnull=False)
                & ~Q(seal="")
                | Q(~Q(status="closed"), closed_by=None, closed_at=None, seal=""),
                name="period_closed_is_sealed",
            ),
            models.CheckConstraint(
                condition=Q(closed_by=None) | ~Q(closed_by=F("soft_closed_by")),
                name="period_needs_two_people",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="period_no_delete", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="period_bounds", fields=["month", "start", "end", "zone"]),
            pgtrigger.Protect(
                name="period_closed_for_ever",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__status="closed"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.month:%B %Y}"


class ClosingStatus(models.TextChoices):
    ASKED = "asked", "Being closed"
    DONE = "done", "Closed"
    REFUSED = "refused", "Not closed"


@track(exclude=("stage",))
class Closing(models.Model):
    """Somebody asks that a month be closed for ever. A worker reads all its entries and closes it,
    or says what stands in the way. Whoever has asked is who closed it."""

    period = models.ForeignKey(Period, models.PROTECT, related_name="closings")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    reason = models.CharField(max_length=500)
    status = models.CharField(
        max_length=10, choices=ClosingStatus.choices, default=ClosingStatus.ASKED
    )
    # how far it is; number of the try, which is its fence
    tries = models.PositiveSmallIntegerField(default=0)
    stage = models.CharField(max_length=100, blank=True)
    # what came of it
    ended_at = models.DateTimeField(null=True)
    faults = models.JSONField(default=list, help_text="Texts: what stood in the way.")

    class Meta:
        ordering = ["-id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["period"], condition=Q(status="asked"), name="one_closing_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(status="asked", ended_at=None)
                | Q(~Q(status="asked"), ended_at__isnull=False),
                name="closing_ended_when",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="closing_no_delete", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="closing_as_asked", fields=["period", "asked_by", "asked_at", "reason"]
            ),
            pgtrigger.Protect(
                name="closing_ended",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__status__in=["done", "refused"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.period}, {self.get_status_display()}"


class Boundary(models.Model):
    """The one row that a trigger of the ledger asks about entries of the past: from where on the
    books are open. Other triggers let it move forwards only."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    closed_until = models.DateTimeField(null=True)
    soft_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_boundary")]

    def __str__(self) -> str:
        return f"closed until {self.closed_until}"
