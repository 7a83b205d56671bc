"""Prompts: sealed versions, channels that point at them, releases and experiments."""

import pgtrigger
from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import IntegerRangeField, RangeOperators
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Func, Q

from apps.audit.history import track
from apps.core.models import SlugModel, TimestampedModel, moves_config_epoch
from apps.prompts.types import OnUnknown


@track()
class Prompt(SlugModel):
    """One task that a service asks a model for."""

    description = models.TextField(blank=True)
    owner = models.CharField(max_length=150, blank=True, help_text="Team or person to ask.")
    tags = models.JSONField(default=list, blank=True)
    archived = models.BooleanField(default=False)
    on_unknown = models.CharField(
        "after an unknown outcome",
        max_length=5,
        choices=OnUnknown.choices,
        default=OnUnknown.RETRY,
        db_default=OnUnknown.RETRY.value,
        help_text="A request that timed out, or whose worker died, may have been answered and "
        "billed. Sending it again can cost twice; failing leaves the decision to the caller.",
    )

    class Meta:
        ordering = ["slug"]
        triggers = [moves_config_epoch()]


class VersionStatus(models.TextChoices):
    DRAFT = "draft", "Draft"
    SEALED = "sealed", "Sealed"
    RETIRED = "retired", "Retired"


@track()
class PromptVersion(TimestampedModel):
    """The words, variables, model and parameters of a prompt. Once sealed, nobody can change it:
    a trigger refuses, through any door; only its status may move from sealed to retired."""

    prompt = models.ForeignKey(Prompt, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    status = models.CharField(
        max_length=10, choices=VersionStatus.choices, default=VersionStatus.DRAFT
    )
    # [{"role": "system"|"user"|"assistant", "content": "<template>"} | {"placeholder": "history"}]
    messages = models.JSONField(default=list)
    # {"name": {"type": "string|number|integer|boolean|list|object", "required": bool, "default": …,
    #           "max_length": int, "trust": "author|service|end_user",
    #           "sensitivity": "none|personal|secret", "description": str, "sample": …}}
    variables = models.JSONField(default=dict, blank=True)
    model = models.SlugField(help_text="Route or model slug that answers.")
    parameters = models.JSONField(
        default=dict, blank=True, help_text="OpenAI names: temperature, max_tokens, …"
    )
    response_schema = models.JSONField(
        null=True, blank=True, help_text="JSON Schema of the answer."
    )
    # {"max_input_tokens": int, "steps": [{"drop": 2}, {"trim": "history", "keep": 2},
    #  {"truncate": "document", "keep": 200}]}; see `apps.prompts.fitting`
    fit = models.JSONField(default=dict, blank=True, db_default={})
    note = models.CharField(max_length=500, blank=True, help_text="What changed, and why.")
    content_hash = models.CharField(max_length=64, blank=True, editable=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    sealed_at = models.DateTimeField(null=True, blank=True, editable=False)

    SEALED_FIELDS = (
        "prompt",
        "number",
        "parent",
        "messages",
        "variables",
        "model",
        "parameters",
        "response_schema",
        "fit",
        "note",
        "content_hash",
        "author",
        "sealed_at",
    )

    class Meta:
        ordering = ["prompt", "-number"]
        triggers = [
            moves_config_epoch(),
            pgtrigger.Trigger(
                name="sealed_is_forever",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__status__in=["sealed", "retired"]),
                func="""
                    IF (to_jsonb(NEW) - 'status' - 'updated_at')
                       IS DISTINCT FROM (to_jsonb(OLD) - 'status' - 'updated_at')
                       OR NEW.status = 'draft' THEN
                        RAISE EXCEPTION 'A sealed prompt version cannot change; make a new draft.'
                            USING ERRCODE = 'integrity_constraint_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Protect(
                name="sealed_not_deleted",
                operation=pgtrigger.Delete,
                condition=~pgtrigger.Q(old__status="draft"),
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["prompt", "number"], name="version_number_once"),
            models.UniqueConstraint(
                fields=["prompt", "author"],
                condition=Q(status="draft"),
                name="one_draft_for_each_author",
            ),
            models.CheckConstraint(
                condition=Q(status="draft", sealed_at__isnull=True, content_hash="")
                | Q(status__in=["sealed", "retired"], sealed_at__isnull=False)
                & ~Q(content_hash=""),
                name="sealed_has_time_and_hash",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prompt.slug} v{self.number}"


@track()
class Channel(SlugModel):
    """A name like “production” that each prompt can point at one version."""

    protected = models.BooleanField(default=False, help_text="Releases need the approver role.")

    class Meta:
        ordering = ["slug"]
        triggers = [moves_config_epoch()]


class ReleaseKind(models.TextChoices):
    PROMOTE = "promote", "Release"
    ROLLBACK = "rollback", "Rollback"


@track()
class Release(models.Model):
    """Which version a channel of a prompt pointed at, from when to when. Append-only: a release
    ends when the next begins, and nothing else of it ever changes."""

    prompt = models.ForeignKey(Prompt, models.PROTECT, related_name="releases")
    channel = models.ForeignKey(Channel, models.PROTECT, related_name="releases")
    version = models.ForeignKey(PromptVersion, models.PROTECT, related_name="releases")
    kind = models.CharField(max_length=10, choices=ReleaseKind.choices)
    reason = models.CharField(max_length=500)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    released_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        permissions = [("release_protected", "Can change what protected channels serve")]
        triggers = [
            moves_config_epoch(),
            pgtrigger.ReadOnly(name="release_append_only", exclude=["ended_at"]),
            pgtrigger.Protect(name="release_not_deleted", operation=pgtrigger.Delete),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["prompt", "channel"],
                condition=Q(ended_at__isnull=True),
                name="one_open_release",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=models.F("released_at")),
                name="release_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version} → {self.channel.slug}"


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
    STOPPED = "stopped", "Stopped"


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
        triggers = [moves_config_epoch()]
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


class ExperimentPhase(models.Model):
    """From when an experiment took which share of the subjects. Append-only."""

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="phases")
    share = models.PositiveSmallIntegerField(help_text="Basis points of all subjects.")
    began_at = models.DateTimeField()
    reason = models.CharField(max_length=500, blank=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["experiment", "id"]
        triggers = [pgtrigger.ReadOnly(name="phase_append_only", fields=["share", "began_at"])]


@track()
class Arm(TimestampedModel):
    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="arms")
    slug = models.SlugField(max_length=40, help_text="e.g. “control”.")
    version = models.ForeignKey(PromptVersion, models.PROTECT, related_name="+")
    weight = models.PositiveIntegerField(
        help_text="Share in basis points; the arms of an experiment sum to 10,000."
    )
    position = models.PositiveSmallIntegerField(default=1)

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
