"""Runs: one prompt version answers the cases of one dataset version, and a suite looks at it."""

import pgtrigger
from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.access.models import Service
from apps.core.fields import PicoUSDField
from apps.evals.models.datasets import DatasetVersion
from apps.evals.models.suites import Suite
from apps.prompts.models import PromptVersion

MAX_REPEATS = 20


class RunStatus(models.TextChoices):
    STARTING = "starting", "Starting"
    ANSWERING = "answering", "Answering"
    JUDGING = "judging", "Judging"
    STOPPING = "stopping", "Stopping"
    FINISHED = "finished", "Finished"
    CANCELLED = "cancelled", "Cancelled"
    CAPPED = "capped", "Stopped at the cost cap"


OPEN_RUNS = (RunStatus.STARTING, RunStatus.ANSWERING, RunStatus.JUDGING, RunStatus.STOPPING)


class EvalRun(models.Model):
    """What is asked is fixed when it starts; only how far it is may change (trigger)."""

    version = models.ForeignKey(PromptVersion, models.PROTECT, related_name="eval_runs")
    dataset_version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="runs")
    suite = models.ForeignKey(Suite, models.PROTECT, related_name="runs")
    checks = models.JSONField(help_text="The suite's checks as they were at the start.")
    threshold = models.FloatField()
    questions = models.CharField(
        max_length=64, help_text="SHA-256 of checks and threshold: only equal ones are compared."
    )
    baseline = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    service = models.ForeignKey(Service, models.PROTECT, related_name="+")
    repeats = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(MAX_REPEATS)]
    )
    cost_cap_pico = PicoUSDField("cost cap", help_text="Kept by a hard budget of this run alone.")
    quote_pico = PicoUSDField("costs at most", help_text="If each call is sent once.")
    budget = models.SlugField(help_text="The budget that keeps the cap.")
    total = models.PositiveIntegerField("answers wanted")
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField("started")
    due_at = models.DateTimeField(db_default=Now(), help_text="Since when it may send its calls.")
    status = models.CharField(max_length=10, choices=RunStatus.choices, default=RunStatus.STARTING)
    batch_id = models.UUIDField(null=True, blank=True, help_text="Its newest batch of jobs.")
    rounds = models.PositiveSmallIntegerField(default=0, help_text="Batches that were sent.")
    capped = models.BooleanField(default=False, db_default=False)
    outcome = models.CharField(max_length=500, blank=True, help_text="Why it ended as it did.")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "evaluation run"
        indexes = [
            models.Index(
                fields=["id"],
                name="evalrun_open",
                condition=Q(status__in=["starting", "answering", "judging", "stopping"]),
            )
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="run_asks_the_same",
                exclude=[
                    "cost_cap_pico",
                    "due_at",
                    "status",
                    "batch_id",
                    "rounds",
                    "capped",
                    "outcome",
                    "finished_at",
                ],
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["finished", "cancelled", "capped"])
                & Q(finished_at__isnull=False)
                | ~Q(status__in=["finished", "cancelled", "capped"]) & Q(finished_at__isnull=True),
                name="evalrun_finished_has_time",
            )
        ]

    def __str__(self) -> str:
        return f"Run {self.pk}: {self.version} on {self.dataset_version}"
