"""What is measured beside the calls themselves: declared once, then scored by services."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from apps.audit.history import track
from apps.core.models import SlugModel


class Kind(models.TextChoices):
    YES_NO = "yes_no", "Yes or no"
    NUMBER = "number", "Number"


class Direction(models.TextChoices):
    HIGHER = "higher", "Higher is better"
    LOWER = "lower", "Lower is better"


@track()
class Metric(SlugModel):
    """A score that services send for answers, e.g. a thumb or the minutes that an answer saved."""

    description = models.TextField(blank=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.YES_NO)
    low = models.FloatField("smallest value", default=0)
    high = models.FloatField("largest value", default=1)
    direction = models.CharField(max_length=6, choices=Direction.choices, default=Direction.HIGHER)

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(condition=Q(low__lt=F("high")), name="metric_bounds"),
            models.CheckConstraint(
                condition=~Q(kind="yes_no") | Q(low=0, high=1), name="metric_yes_no_is_0_or_1"
            ),
        ]

    def clean(self) -> None:
        if self.kind == Kind.YES_NO and (self.low, self.high) != (0, 1):
            raise ValidationError({"kind": "Yes or no is from 0 to 1."})
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValidationError({"high": "The largest value must be above the smallest."})
