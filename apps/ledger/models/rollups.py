"""Sums over entries that reports read. They hold nothing that the entries don't say, so they may be
thrown away and made again at any time (`apps.ledger.posting`)."""

from django.db import models

from apps.ledger.fields import Xid8Field
from apps.ledger.models.books import CallSlugs, EntryKind, Purpose

KEY = (
    "service",
    "team",
    "cost_center",
    "provider",
    "model",
    "deployment",
    "prompt",
    "prompt_version",
    "arm",
    "purpose",
    "kind",
)
MEASURES = (
    "entries",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "saved_tokens",
    "amount_pico",
    "avoided_pico",
)


class Rollup(CallSlugs):
    """The sums of all posted entries that agree in every dimension. No dimension is ever NULL:
    Postgres takes NULLs for different, and would keep two rows of one sum.

    How many calls they were follows from `kind` (`reports.CALLS`).
    """

    purpose = models.CharField(max_length=10, choices=Purpose.choices, blank=True)
    kind = models.CharField(max_length=20, choices=EntryKind.choices)
    entries = models.BigIntegerField()
    input_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    cached_tokens = models.BigIntegerField(default=0, db_default=0)
    saved_tokens = models.BigIntegerField(default=0, db_default=0)
    # a sum may exceed 64 bits, which hold ± 9.2 million dollars
    amount_pico = models.DecimalField(max_digits=38, decimal_places=0)
    avoided_pico = models.DecimalField(max_digits=38, decimal_places=0)

    class Meta:
        abstract = True


class DayCost(Rollup):
    day = models.DateField(help_text="In the zone of the cursor.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", *KEY], name="one_cost_a_day")]


class MonthCost(Rollup):
    month = models.DateField(help_text="Its first day, in the zone of the cursor.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["month", *KEY], name="one_cost_a_month")]


class DayAttempts(models.Model):
    """What the attempts that started on one day were like, as far as they have ended."""

    day = models.DateField(primary_key=True, help_text="Over, in the zone of the cursor.")
    attempts = models.BigIntegerField()
    failed = models.BigIntegerField(help_text="With those of which nobody knows how they ended.")
    took = models.JSONField(help_text="Bucket of `latencies` → attempts that succeeded.")


class AttemptCursor(models.Model):
    """One row: no day's sums lack what transactions before `xid` did to its attempts."""

    id = models.SmallAutoField(primary_key=True)
    xid = Xid8Field()
    zone = models.CharField(max_length=60, help_text="The days are its own.")


class RollupCursor(models.Model):
    """One row: entries of transactions before `xid` are in the rollups, all others are not."""

    id = models.SmallAutoField(primary_key=True)
    xid = Xid8Field()
    zone = models.CharField(max_length=60, help_text="Days and months of the rollups are its own.")
    moved_at = models.DateTimeField(null=True)
    # how the last nightly comparison of rollups with entries ended
    verified_at = models.DateTimeField(null=True)
    verified_day = models.DateField(null=True, help_text="Whose rollups were compared.")
    differences = models.PositiveIntegerField(default=0, db_default=0)
