"""What services think of answers."""

from django.db import models

from apps.ledger.fields import CurrentXid, Xid8Field
from apps.prompts.models import Metric


class Score(models.Model):
    """One value of a metric for one call; a later one of the same metric takes its place."""

    service = models.CharField(max_length=50)
    request_id = models.CharField(max_length=128)
    metric = models.ForeignKey(Metric, models.PROTECT, related_name="+")
    value = models.FloatField()
    comment = models.CharField(max_length=2000, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    counted = models.FloatField(null=True, editable=False, help_text="The value in the sums.")
    xid = Xid8Field(db_default=CurrentXid(), editable=False)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["xid"], name="score_xid")]
        constraints = [
            models.UniqueConstraint(
                fields=["service", "request_id", "metric"], name="one_score_a_metric"
            )
        ]

    def __str__(self) -> str:
        return f"{self.metric_id} {self.value:g}"
