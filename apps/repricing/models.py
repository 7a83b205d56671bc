"""Recosts: calls of the past that are priced anew, asked for by one person, approved by another."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q

from apps.audit.history import track
from apps.core.fields import PicoSumField, PicoUSDField
from apps.core.ids import uuid7
from apps.core.money import short_usd
from apps.registry.models import PriceKind, kind_of


class RecostStatus(models.TextChoices):
    REQUESTED = "requested", "Waits for approval"
    APPROVED = "approved", "Being booked"
    DONE = "done", "Booked"
    REJECTED = "rejected", "Rejected"


WAITING = (RecostStatus.REQUESTED, RecostStatus.APPROVED)
BINDING = (RecostStatus.APPROVED, RecostStatus.DONE)
_ASKED = (
    *("id", "start", "end", "zone", "reason", "requested_by", "requested_at"),
    *("segments", "summary", "entries", "before_pico", "after_pico"),
)


@track(exclude=("segments", "summary"))
class Recost(models.Model):
    """What was asked for is all there is to approve: the prices, every entry that changes with its
    two amounts (`RecostItem`), and what they add up to. None of it changes afterwards."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    start = models.DateTimeField(help_text="Of calls sent from here on …")
    end = models.DateTimeField(help_text="… to before here.")
    zone = models.CharField(max_length=60, help_text="The time zone of its days.")
    reason = models.CharField(max_length=400)
    segments = models.JSONField(help_text="The prices that calls have, from when to when.")
    summary = models.JSONField(help_text="The preview's lines, as the approver sees them.")
    entries = models.PositiveIntegerField()
    before_pico = PicoSumField()
    after_pico = PicoSumField()
    status = models.CharField(
        max_length=10, choices=RecostStatus.choices, default=RecostStatus.REQUESTED
    )
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision = models.CharField(max_length=500, blank=True, help_text="Why it was decided so.")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        default_permissions = ("add", "view")
        permissions = [("approve_recost", "Can approve or reject recosts")]
        constraints = [
            models.CheckConstraint(condition=Q(start__lt=F("end")), name="recost_of_some_time"),
            models.CheckConstraint(condition=Q(entries__gt=0), name="recost_of_something"),
            models.CheckConstraint(
                condition=Q(status="requested", decided_by=None, decided_at=None)
                | Q(~Q(status="requested"), decided_by__isnull=False, decided_at__isnull=False),
                name="recost_decided_by_whom",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["requested", "rejected"])
                | ~Q(decided_by=F("requested_by")),
                name="recost_needs_two_people",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="recost_no_delete", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="recost_as_asked", fields=list(_ASKED)),
            pgtrigger.FSM(
                name="recost_decided_once",
                field="status",
                transitions=[
                    ("requested", "approved"),
                    ("requested", "rejected"),
                    ("approved", "done"),
                ],
            ),
            pgtrigger.Protect(
                name="recost_ended",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__status__in=["done", "rejected"]),
            ),
        ]

    def __str__(self) -> str:
        return f"recost of {self.entries:,} entries, {short_usd(self.difference_pico)}"

    @property
    def difference_pico(self) -> int:
        return int(self.after_pico - self.before_pico)


class NextPriceId(Func):
    """A number of the price list's own, so that a price line's number means one price."""

    template = "nextval(pg_get_serial_sequence('registry_price', 'id'))"
    output_field = models.BigIntegerField()


class RecostRate(PriceKind):
    """A price of a recost. It never holds for new calls: those ask the price list."""

    id = models.BigIntegerField(primary_key=True, db_default=NextPriceId(), editable=False)
    recost = models.ForeignKey(Recost, models.PROTECT, related_name="rates")
    deployment = models.CharField(max_length=50)
    price_pico = PicoUSDField(help_text="Pico-USD for each block of units.")
    per_block = models.PositiveIntegerField(default=1)
    source = models.CharField(max_length=200)

    class Meta:
        ordering = ["id"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(price_pico__gte=0), name="rate_not_negative"),
            models.CheckConstraint(condition=Q(per_block__gte=1), name="rate_block_positive"),
        ]
        triggers = [
            pgtrigger.Protect(
                name="rate_append_only", operation=pgtrigger.Update | pgtrigger.Delete
            )
        ]

    def __str__(self) -> str:
        return f"{self.deployment} {kind_of(self)}"


class Outcome(models.TextChoices):
    BOOKED = "booked", "Booked"
    LEFT = "left", "Left: replaced by something else meanwhile"


class RecostItem(models.Model):
    """An entry that is priced anew, what it was booked at and what it costs. Booked at most once:
    the ledger takes one reversal of an entry."""

    recost = models.ForeignKey(Recost, models.PROTECT, related_name="items")
    # both of the ledger, which has no key by id alone that could be referred to
    entry_id = models.UUIDField()
    attempt_id = models.UUIDField()
    before_pico = PicoUSDField()
    after_pico = PicoUSDField()
    outcome = models.CharField(max_length=6, choices=Outcome.choices, blank=True)
    correction_id = models.UUIDField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [
            # what is still to be booked, in the order in which attempts are locked
            models.Index(
                fields=["recost", "attempt_id"], name="recost_open", condition=Q(outcome="")
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["recost", "entry_id"], name="one_recost_of_an_entry"),
            models.CheckConstraint(
                condition=Q(outcome="booked", correction_id__isnull=False)
                | Q(~Q(outcome="booked"), correction_id=None),
                name="item_booked_as_something",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="item_no_delete", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="item_as_asked",
                fields=["recost", "entry_id", "attempt_id", "before_pico", "after_pico"],
            ),
            pgtrigger.Protect(
                name="item_decided_once",
                operation=pgtrigger.Update,
                condition=~pgtrigger.Q(old__outcome=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id}"
