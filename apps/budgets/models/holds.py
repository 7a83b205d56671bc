"""What running calls may cost."""

from django.db import models
from django.db.models import Q

from apps.budgets.models.windows import Window
from apps.core.fields import PicoUSDField
from apps.core.models import TimestampedModel


class HoldStatus(models.TextChoices):
    HELD = "held", "Held"
    SETTLED = "settled", "Settled"
    RELEASED = "released", "Released"
    EXPIRED = "expired", "Expired"


class Hold(TimestampedModel):
    """What an attempt may cost at most, held against every matching window until it is resolved.

    Its id is the attempt's; it resolves exactly once. While it is held it takes
    `amount - posted` of each window's room.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    amount_pico = PicoUSDField()
    posted_pico = PicoUSDField(default=0, help_text="What was posted to its windows for it.")
    status = models.CharField(max_length=10, choices=HoldStatus.choices, default=HoldStatus.HELD)
    windows = models.ManyToManyField(Window, through="HoldWindow", related_name="holds")
    expires_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["expires_at"], name="hold_open", condition=Q(status="held"))
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount_pico__gte=0), name="hold_not_negative")
        ]


class HoldWindow(models.Model):
    hold = models.ForeignKey(Hold, models.CASCADE, related_name="+")
    window = models.ForeignKey(Window, models.PROTECT, related_name="+")
    bucket_at = models.DateTimeField(
        null=True, blank=True, help_text="Rolling: the bucket that it was admitted to."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hold", "window"], name="hold_window_once")]
