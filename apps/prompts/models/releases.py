"""Channels, and which version of a prompt each pointed at from when to when."""

import pgtrigger
from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q

from apps.audit.history import track
from apps.core.models import SlugModel, TimestampedModel, moves_config_epoch
from apps.prompts.models.prompts import Prompt, PromptVersion
from apps.prompts.models.words import keeps_words


@track()
class Channel(SlugModel):
    """A name like “production” that each prompt can point at one version."""

    protected = models.BooleanField(default=False, help_text="Releases need the approver role.")
    approvals = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        validators=[MaxValueValidator(5)],
        help_text="So many people must approve each new version here, neither its author nor who "
        "asks. 0: whoever may release needs nobody. Rollbacks never wait for anybody.",
    )
    auto_rollback = models.BooleanField(
        "go back by itself",
        default=False,
        db_default=False,
        help_text="In the first day of a release, when its calls certainly do worse than those of "
        "the version before: 5 points more without an answer or not by their schema, or a call "
        "costs half as much again. Once for each release; the reason stands in its history.",
    )

    class Meta:
        ordering = ["slug"]
        triggers = [moves_config_epoch()]


@track()
class Freeze(TimestampedModel):
    """Nothing new goes live on a channel while it lasts; rollbacks do."""

    channel = models.ForeignKey(Channel, models.CASCADE, related_name="freezes")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=200)

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="freeze_ends_after_start"
            )
        ]

    def __str__(self) -> str:
        return f"{self.channel.slug}: {self.reason}"


class ReleaseKind(models.TextChoices):
    PROMOTE = "promote", "Release"
    ROLLBACK = "rollback", "Rollback"
    GUARDRAIL = "guardrail", "Rollback by guardrail"  # nobody asked for it: see `auto_rollback`


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
            keeps_words("release_keeps_words", "ended_at"),
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
