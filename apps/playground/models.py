"""What was run in the playground, and whose past calls were looked at."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.audit.history import track
from apps.core.fields import PicoUSDField
from apps.prompts.models import Prompt, PromptVersion

MAX_COLUMNS = 4


@track(exclude=("values",))
class Run(models.Model):
    """One set of values, sent to up to four versions or models at once. What a person typed stays
    with the run and is no part of the audit log."""

    id = models.UUIDField(primary_key=True, editable=False)
    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="+")
    values = models.JSONField(default=dict)
    source_job_id = models.UUIDField(
        null=True, blank=True, help_text="The past call that the values were taken from."
    )
    masked = models.BooleanField(default=False, help_text="Sensitive values were replaced.")
    cached = models.BooleanField(default=False, help_text="Whether the cache may answer.")
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        default_permissions = ()
        permissions = [("run_playground", "Can run prompts in the playground")]
        indexes = [models.Index(fields=["prompt", "-created_at"], name="playground_run_newest")]

    def __str__(self) -> str:
        return f"Run of {self.prompt.slug}"


class Trial(models.Model):
    """A column of a run: a version, the model that it was sent to, and the job that answers."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="trials")
    position = models.PositiveSmallIntegerField(help_text="From 1.")
    version = models.ForeignKey(PromptVersion, models.SET_NULL, null=True, related_name="+")
    label = models.CharField(max_length=80, help_text="The version as it was then.")
    model = models.CharField(max_length=50, help_text="Route or model that was asked for.")
    at_most_pico = PicoUSDField("at most", help_text="What it was said to cost at most.")
    job_id = models.UUIDField(unique=True)

    class Meta:
        ordering = ["run", "position"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["run", "position"], name="trial_once_in_its_column"),
            models.CheckConstraint(
                condition=Q(position__gte=1, position__lte=MAX_COLUMNS), name="trial_position"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} with {self.model}"


@track()
class PastCallLook(models.Model):
    """Somebody took the values of a past call. Append-only."""

    job_id = models.UUIDField()
    prompt = models.CharField(max_length=50)
    name = models.CharField(max_length=200, help_text="Which call, in words.")
    actor = models.CharField(max_length=200)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "look at a past call"
        verbose_name_plural = "looks at past calls"
        ordering = ["-id"]
        default_permissions = ()
        permissions = [("take_past_call", "Can take values from past calls")]
        indexes = [models.Index(fields=["job_id", "actor"], name="past_call_look_of_whom")]
        triggers = [
            pgtrigger.Protect(
                name="look_append_only", operation=pgtrigger.Update | pgtrigger.Delete
            )
        ]

    def __str__(self) -> str:
        return self.name
