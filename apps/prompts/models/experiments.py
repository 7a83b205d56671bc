"""Experiments: their arms, and the share of the subjects that they had from when."""

import pgtrigger
from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import IntegerRangeField, RangeOperators
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Func, Q

from apps.audit.history import track
from apps.core.models import SlugModel, TimestampedModel, moves_config_epoch
from apps.prompts.models.prompts import Prompt, PromptVersion
from apps.prompts.models.releases import Channel


def _subjects() -> Func:
    """The buckets of an experiment, as a range of Postgres."""
    return Func(
        F("share_from"),
        F("share_from") + F("share"),
        function="int4range",
        output_field=IntegerRangeField(),
    )


class ExperimentStatus(models.TextChoices):
    DRAFT = "draft", "Draft"
    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"  # its results cannot be trusted; only a stop follows
    STOPPED = "stopped", "Stopped"


PLAN = ("primary_metric", "minimum_effect", "planned_subjects", "max_days", "adaptive")
"""What is decided before the first subject is seen, and never after."""


def _plan_locked() -> pgtrigger.Trigger:
    old, new = (", ".join(f"{row}.{name}" for name in PLAN) for row in ("OLD", "NEW"))
    return pgtrigger.Protect(
        name="plan_locked",
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(
            f"OLD.status <> 'draft' AND ({old}) IS DISTINCT FROM ({new})"
        ),
    )


@track()
class Experiment(SlugModel):
    """An A/B test on one channel of one prompt. Of all subjects it takes a range, which can grow
    and never overlaps that of another; its arms divide them by a hash with a salt of its own."""

    prompt = models.ForeignKey(Prompt, models.PROTECT, related_name="experiments")
    channel = models.ForeignKey(Channel, models.PROTECT, related_name="+")
    hypothesis = models.TextField(blank=True)
    share = models.PositiveSmallIntegerField(
        default=10_000,
        db_default=10_000,
        validators=[MinValueValidator(1), MaxValueValidator(10_000)],
        help_text="Of all subjects, in basis points (1,000 is 10 %). The others get the release. "
        "It can grow while the experiment runs, and nobody who takes part changes arms.",
    )
    share_from = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    primary_metric = models.CharField(
        max_length=50,
        default="errors",
        db_default="errors",
        help_text="What decides: errors, refusals, schema_failures, cost, seconds, or a metric "
        "that services score.",
    )
    minimum_effect = models.FloatField(
        "minimum effect, in per cent",
        default=10,
        db_default=10,
        validators=[MinValueValidator(0.1), MaxValueValidator(1000)],
        help_text="The smallest difference from the control that matters, in per cent of it.",
    )
    planned_subjects = models.PositiveIntegerField(
        default=10_000,
        db_default=10_000,
        validators=[MinValueValidator(200)],
        help_text="Of control and one treatment together; the calculator tells how many.",
    )
    max_days = models.PositiveSmallIntegerField(
        "longest duration, in days",
        default=28,
        db_default=28,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
        help_text="It then stops by itself; without a winner it is inconclusive.",
    )
    adaptive = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Whether it grows by itself, newcomers getting the arms that do best (Thompson "
        "sampling). Only for three or more arms.",
    )
    conclusion = models.CharField(max_length=500, blank=True, db_default="", editable=False)
    # {"subject": "arm slug"}
    testers = models.JSONField(
        default=dict,
        blank=True,
        db_default={},
        help_text='Subjects that always get one arm: {"subject": "arm"}. At most 100.',
    )
    salt = models.CharField(max_length=32, editable=False)
    status = models.CharField(
        max_length=10, choices=ExperimentStatus.choices, default=ExperimentStatus.DRAFT
    )
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    stopped_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-id"]
        triggers = [moves_config_epoch(), _plan_locked()]
        constraints = [
            ExclusionConstraint(
                name="experiments_share_nobody",
                expressions=[
                    (F("prompt"), RangeOperators.EQUAL),
                    (F("channel"), RangeOperators.EQUAL),
                    (_subjects(), RangeOperators.OVERLAPS),
                ],
                condition=Q(status="running"),
            ),
            models.CheckConstraint(
                condition=Q(share__gte=1, share_from__lte=10_000 - F("share")),
                name="experiment_share_fits",
            ),
        ]


_OF_A_DRAFT = """
    IF EXISTS (
        SELECT FROM prompts_experiment
        WHERE id = COALESCE(NEW.experiment_id, OLD.experiment_id) AND status <> 'draft'
    ) THEN RAISE EXCEPTION 'The plan is locked since the experiment started.'; END IF;
    RETURN COALESCE(NEW, OLD);
"""


@track()
class Guardrail(models.Model):
    """How much worse than the control an arm may be before it is paused by itself."""

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="guardrails")
    metric = models.CharField(
        max_length=50, help_text="errors, refusals, schema_failures, cost, seconds, or a metric."
    )
    most = models.FloatField(
        "at most, in per cent",
        default=5,
        validators=[MinValueValidator(0), MaxValueValidator(1000)],
        help_text="Worse than the control by: points of a share, else per cent of its mean.",
    )

    class Meta:
        ordering = ["experiment", "metric"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "metric"], name="one_guardrail_a_metric")
        ]
        triggers = [
            pgtrigger.Trigger(
                name="guardrail_locked",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                func=_OF_A_DRAFT,
            )
        ]

    def __str__(self) -> str:
        return f"{self.metric} ≤ {self.most:g} %"


class ExperimentPhase(models.Model):
    """From when an experiment took which share of the subjects. Append-only."""

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="phases")
    share = models.PositiveSmallIntegerField(help_text="Basis points of all subjects.")
    weights = models.JSONField(
        default=list,
        blank=True,
        db_default=[],
        help_text="Of the arms, for those who joined with it; empty: the arms' own.",
    )
    began_at = models.DateTimeField()
    reason = models.CharField(max_length=500, blank=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["experiment", "id"]
        triggers = [
            pgtrigger.ReadOnly(name="phase_append_only", fields=["share", "weights", "began_at"])
        ]


@track()
class Arm(TimestampedModel):
    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="arms")
    slug = models.SlugField(max_length=40, help_text="e.g. “control”.")
    version = models.ForeignKey(PromptVersion, models.PROTECT, related_name="+")
    weight = models.PositiveIntegerField(
        help_text="Share in basis points; the arms of an experiment sum to 10,000."
    )
    position = models.PositiveSmallIntegerField(
        default=1, help_text="The first arm is the control."
    )
    paused_at = models.DateTimeField(null=True, blank=True, editable=False)
    paused_because = models.CharField(max_length=500, blank=True, db_default="", editable=False)

    class Meta:
        ordering = ["experiment", "position"]
        triggers = [moves_config_epoch()]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "slug"], name="arm_slug_once"),
            models.UniqueConstraint(fields=["experiment", "position"], name="arm_position_once"),
            models.CheckConstraint(condition=Q(weight__lte=10_000), name="arm_weight_share"),
        ]

    def __str__(self) -> str:
        return f"{self.experiment.slug}/{self.slug}"
