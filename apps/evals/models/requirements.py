"""What evidence a release needs."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from apps.audit.history import track
from apps.core.models import TimestampedModel
from apps.evals.models.datasets import Dataset
from apps.evals.models.suites import Suite
from apps.prompts.models import Channel


@track()
class Requirement(TimestampedModel):
    """Before a version of the dataset's prompt goes live on the channel, it must have answered the
    dataset's newest version, and must not be worse than what is live."""

    channel = models.ForeignKey(Channel, models.CASCADE, related_name="eval_requirements")
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="requirements")
    suite = models.ForeignKey(Suite, models.PROTECT, related_name="requirements")
    margin = models.FloatField(
        "fall put up with",
        default=0.05,
        validators=[MinValueValidator(0.001), MaxValueValidator(0.5)],
        help_text="Of the share of cases that pass: 0.05 is five points. Smaller needs more cases.",
    )

    class Meta:
        ordering = ["dataset", "channel"]
        verbose_name = "release requirement"
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "dataset", "suite"], name="one_requirement_each"
            ),
            models.CheckConstraint(
                condition=Q(margin__gt=0, margin__lte=0.5), name="requirement_margin_share"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset} with {self.suite} for {self.channel}"
