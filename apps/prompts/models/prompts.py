"""Prompts and their versions, which nothing changes once they are sealed."""

import pgtrigger
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from apps.audit.history import track
from apps.core.models import SlugModel, TimestampedModel, moves_config_epoch
from apps.prompts.models.words import keeps_words
from apps.prompts.types import OnUnknown, PromptKind

FOLDER = r"\A[\w -]+(/[\w -]+)*\Z"


@track()
class Prompt(SlugModel):
    """One task that a service asks a model for, or a fragment: a text that prompts include."""

    kind = models.CharField(
        max_length=8,
        choices=PromptKind.choices,
        default=PromptKind.TASK,
        db_default=PromptKind.TASK.value,
        help_text="A fragment is a text that other prompts include; nobody calls it.",
    )
    description = models.TextField(blank=True)
    owner = models.CharField(max_length=150, blank=True, help_text="Team or person to ask.")
    tags = models.JSONField(default=list, blank=True)
    folder = models.CharField(
        max_length=100,
        blank=True,
        default="",
        db_default="",
        validators=[RegexValidator(FOLDER, "Words between slashes, e.g. shop/texts.")],
        help_text="Where the list shows it, e.g. “shop/texts”. Callers never see it.",
    )
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
        triggers = [
            moves_config_epoch(),
            pgtrigger.Protect(
                name="kind_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__kind__df=pgtrigger.F("new__kind")),
            ),
        ]

    def clean(self) -> None:
        super().clean()
        was = Prompt.objects.filter(pk=self.pk).values_list("kind", flat=True).first()
        if was is not None and was != self.kind:
            raise ValidationError({"kind": f"Stays {was}. Make another prompt for the other kind."})


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
    # The same as its author wrote it, where that includes fragments: sealing puts their text into
    # `messages`, so that nothing but this row is needed to render it.
    written = models.JSONField(null=True, blank=True, editable=False)
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
    # [{"type": "function", "function": {"name": "…", "description": "…", "strict": bool,
    #  "parameters": <JSON Schema>}}], as OpenAI's API takes them
    tools = models.JSONField(default=list, blank=True, db_default=[])
    note = models.CharField(max_length=500, blank=True, help_text="What changed, and why.")
    content_hash = models.CharField(max_length=64, blank=True, editable=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    sealed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["prompt", "-number"]
        triggers = [
            moves_config_epoch(),
            keeps_words("version_keeps_words", "messages"),
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


class Inclusion(models.Model):
    """A sealed version includes this version of a fragment."""

    version = models.ForeignKey(PromptVersion, models.PROTECT, related_name="inclusions")
    fragment = models.ForeignKey(PromptVersion, models.PROTECT, related_name="included_in")

    class Meta:
        triggers = [
            pgtrigger.Protect(name="never_changed", operation=pgtrigger.Update | pgtrigger.Delete)
        ]
        constraints = [
            models.UniqueConstraint(fields=["version", "fragment"], name="included_once")
        ]

    def __str__(self) -> str:
        return f"{self.version} includes {self.fragment}"
