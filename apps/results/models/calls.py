"""Calls of prompts, one row each, and their sums by hour. All of it follows from the ledger and the
scores, and is kept up by `apps.results.services.counting`."""

from django.db import models

from apps.core.fields import PicoUSDField
from apps.ledger.fields import Xid8Field
from apps.prompts.models import Metric


class Outcome(models.TextChoices):
    OPEN = "open", "Under way"
    ANSWERED = "answered", "Answered"
    FAILED = "failed", "No answer"


class CallKey(models.Model):
    """What metrics are told apart by."""

    prompt = models.CharField(max_length=50)
    prompt_version = models.PositiveIntegerField()
    channel = models.CharField(max_length=50, blank=True, help_text="Empty: an exact version.")
    arm = models.CharField(max_length=91, blank=True, help_text="“experiment/arm”, or empty.")

    class Meta:
        abstract = True


KEY = ("prompt", "prompt_version", "channel", "arm")


class Call(CallKey):
    """What a caller asked for once, however many attempts it took."""

    service = models.CharField(max_length=50)
    request_id = models.CharField(max_length=128)
    phase = models.BigIntegerField(default=0)
    subject = models.CharField(max_length=32, blank=True, help_text="Keyed hash.")
    at = models.DateTimeField(help_text="When its first attempt began.")
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    flaw = models.CharField(max_length=10, blank=True)
    cached = models.BooleanField(default=False)
    attempts = models.PositiveIntegerField(default=0)
    latency_ms = models.PositiveIntegerField(
        null=True, help_text="From its first attempt to its answer; none of a cached one."
    )
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cost_pico = PicoUSDField(default=0)

    class Meta:
        indexes = [models.Index(fields=["at"], name="call_at")]
        constraints = [models.UniqueConstraint(fields=["service", "request_id"], name="call_once")]

    def __str__(self) -> str:
        return f"{self.service} {self.request_id}"


class VersionHour(CallKey):
    """Sums over the calls that began in an hour. Calls under way are not in them."""

    hour = models.DateTimeField()
    calls = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    refusals = models.BigIntegerField(default=0)
    schema_failures = models.BigIntegerField(default=0)
    cached = models.BigIntegerField(default=0)
    attempts = models.BigIntegerField(default=0)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cost_pico = models.DecimalField(max_digits=38, decimal_places=0, default=0)
    latencies = models.JSONField(
        default=dict, help_text="Bucket of `apps.results.latencies` → answered calls."
    )

    class Meta:
        # The list of prompts, and the course of a channel: some days of a prompt among years.
        indexes = [models.Index(fields=["prompt", "hour"], name="version_hours_of_prompt")]
        constraints = [models.UniqueConstraint(fields=[*KEY, "hour"], name="one_hour_a_version")]

    def __str__(self) -> str:
        return f"{self.prompt} v{self.prompt_version} {self.hour:%Y-%m-%d %H:00}"


class ScoreHour(CallKey):
    """Scores of the calls that began in an hour, however late they came."""

    hour = models.DateTimeField()
    metric = models.ForeignKey(Metric, models.CASCADE, related_name="+")
    scores = models.BigIntegerField(default=0)
    total = models.FloatField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=[*KEY, "hour", "metric"], name="one_score_hour")
        ]


class Cursor(models.Model):
    """One row: what transactions before `xid` wrote is counted."""

    id = models.SmallAutoField(primary_key=True)
    xid = Xid8Field()
