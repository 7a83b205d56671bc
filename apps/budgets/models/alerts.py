"""Thresholds that were reached, and the outbox of what people are told about them."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.budgets.models.choices import Basis
from apps.budgets.models.windows import Window
from apps.core.fields import PicoSumField


class ThresholdCrossing(models.Model):
    """A threshold was reached: once in a window, by the transaction that reached it."""

    window = models.ForeignKey(Window, models.PROTECT, related_name="crossings")
    period_at = models.DateTimeField(
        help_text="Start of the window; of a rolling one, of the stretch of its length that "
        "holds the moment, so that it may tell again in the next."
    )
    percent = models.PositiveSmallIntegerField()
    basis = models.CharField(max_length=10, choices=Basis.choices)
    used_pico = PicoSumField(help_text="What was compared with the limit.")
    limit_pico = PicoSumField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["window", "percent", "basis", "period_at"], name="one_crossing_a_window"
            )
        ]

    def __str__(self) -> str:
        return f"{self.percent} % {self.get_basis_display().lower()}"


class Alert(models.Model):
    """Outbox: one message for each crossing, retried until it is delivered."""

    crossing = models.OneToOneField(
        ThresholdCrossing, models.CASCADE, primary_key=True, related_name="alert"
    )
    next_try_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True, blank=True)
    sent_to = ArrayField(
        models.EmailField(),
        default=list,
        db_default=[],
        help_text="Whom the mail went to; nobody: it stands in the log only.",
    )
    error = models.CharField(
        max_length=500, blank=True, default="", help_text="Of the last try that failed."
    )

    class Meta:
        indexes = [
            models.Index(
                fields=["next_try_at"], name="alert_due", condition=Q(delivered_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"alert of {self.crossing_id}"
