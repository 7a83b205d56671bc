"""Differences between a statement and our books, and what people decided about them."""

from functools import reduce
from operator import add

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.core.fields import PicoSumField
from apps.core.ids import uuid7
from apps.ledger.models import Adjustment
from apps.reconciliation.models.statements import Statement
from apps.reconciliation.types import Column
from apps.registry.models import Provider


class KeyFields(models.Model):
    """What was compared as one (`types.Key`)."""

    day = models.DateField(help_text="Of UTC.")
    model = models.CharField(max_length=200, blank=True)
    meter = models.CharField(max_length=20, blank=True)

    class Meta:
        abstract = True


class Difference(KeyFields):
    """A line of the comparison. Made anew by each comparison, until the statement is signed."""

    statement = models.ForeignKey(Statement, models.CASCADE, related_name="differences")
    ours_pico = PicoSumField()
    theirs_pico = PicoSumField()
    ours_quantity = models.BigIntegerField(null=True)
    theirs_quantity = models.BigIntegerField(null=True)
    ours_calls = models.BigIntegerField(null=True)
    theirs_calls = models.BigIntegerField(null=True)
    difference_pico = PicoSumField()
    timing_pico = PicoSumField(default=0)
    capture_pico = PicoSumField(default=0)
    tokens_pico = PicoSumField(default=0)
    price_pico = PicoSumField(default=0)
    rounding_pico = PicoSumField(default=0)
    repeated_pico = PicoSumField(default=0)
    credit_pico = PicoSumField(default=0)
    discount_pico = PicoSumField(default=0)
    tax_pico = PicoSumField(default=0)
    rest_pico = PicoSumField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["statement", "day", "model", "meter"], name="one_difference_of_a_key"
            ),
            models.CheckConstraint(
                condition=Q(difference_pico=F("theirs_pico") - F("ours_pico")),
                name="difference_is_theirs_less_ours",
            ),
            models.CheckConstraint(
                condition=Q(difference_pico=reduce(add, (F(f"{c}_pico") for c in Column))),
                name="columns_add_up_to_the_difference",
            ),
        ]

    def __str__(self) -> str:
        return ", ".join(filter(None, (str(self.day), self.model, self.meter)))


class Choice(models.TextChoices):
    BOOK = "book", "Booked as an adjustment"
    EXPLAIN = "explain", "Explained"


class Decision(KeyFields):
    """What somebody decided about a part of a difference: book it, which asks for an adjustment
    that another person approves, or explain it. Never changed; a rejected adjustment counts no
    more. One that was booked counts for newer statements of the day as well."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    statement = models.ForeignKey(Statement, models.PROTECT, related_name="decisions")
    provider = models.ForeignKey(Provider, models.PROTECT, related_name="+")
    choice = models.CharField(max_length=10, choices=Choice.choices)
    amount_pico = PicoSumField()
    note = models.CharField(max_length=500)
    # none when the differences that were booked together cancel out
    adjustment = models.ForeignKey(Adjustment, models.PROTECT, null=True, related_name="+")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["provider", "day"], name="decision_by_day")]
        constraints = [
            models.CheckConstraint(condition=~Q(amount_pico=0), name="decision_about_something"),
            models.CheckConstraint(
                condition=Q(choice="book") | Q(adjustment=None), name="explained_books_nothing"
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="decision_append_only", operation=pgtrigger.Update | pgtrigger.Delete
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_choice_display()}: {self.note}"
