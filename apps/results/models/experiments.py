"""Who took part in an experiment, with what came of it; and its arms' sums by hour."""

from django.db import models

from apps.prompts.models import Experiment, Metric


class Exposure(models.Model):
    """A subject's first call in an experiment, and the sums of all of its calls since: they stay
    with the arm of the first, whichever answers later (intention to treat)."""

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="exposures")
    subject = models.CharField(max_length=32, help_text="Keyed hash.")
    arm = models.CharField(max_length=40)
    phase = models.BigIntegerField()
    first_at = models.DateTimeField()
    calls = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    refusals = models.BigIntegerField(default=0)
    schema_failures = models.BigIntegerField(default=0)
    timed = models.BigIntegerField(default=0, help_text="Answered calls that were not cached.")
    seconds = models.FloatField(default=0, help_text="Of those that are timed.")
    cost_usd = models.FloatField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["experiment", "subject"], name="exposed_once")
        ]

    def __str__(self) -> str:
        return f"{self.experiment_id} {self.subject[:8]}"


class ExposureScore(models.Model):
    """A subject's scores of one metric."""

    exposure = models.ForeignKey(Exposure, models.CASCADE, related_name="scores")
    metric = models.ForeignKey(Metric, models.CASCADE, related_name="+")
    scores = models.BigIntegerField(default=0)
    total = models.FloatField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["exposure", "metric"], name="one_sum_a_metric")
        ]


class ArmHour(models.Model):
    """An arm's sums over its subjects from the start to the end of an hour: of a value `y` a unit
    `x`, of their squares and of their product, so that no page reads subjects."""

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="hours")
    arm = models.CharField(max_length=40)
    metric = models.CharField(max_length=50)
    hour = models.DateTimeField()
    subjects = models.BigIntegerField()
    y = models.FloatField()
    yy = models.FloatField()
    x = models.FloatField()
    xx = models.FloatField()
    xy = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["experiment", "metric", "arm", "hour"], name="one_hour_an_arm"
            )
        ]
