"""Requests to release a version, and who approved them."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.audit.history import track
from apps.core.models import TimestampedModel
from apps.prompts.models.prompts import Prompt, PromptVersion
from apps.prompts.models.releases import Channel, Release


class RequestState(models.TextChoices):
    WAITING = "waiting", "Waiting for approval"
    APPROVED = "approved", "Approved"  # and waits for its time, or is for an experiment
    RELEASED = "released", "Released"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn"
    VOID = "void", "Void"


class RequestKind(models.TextChoices):
    RELEASE = "release", "Release"
    EXPERIMENT = "experiment", "Use in experiments"


OPEN_STATES = (RequestState.WAITING, RequestState.APPROVED)


@track()
class ReleaseRequest(TimestampedModel):
    """Somebody asks that a version goes live. What was looked at is fixed: the content by its hash,
    and the release that it would follow; when either moved, nobody approved *that*."""

    prompt = models.ForeignKey(Prompt, models.PROTECT, related_name="release_requests")
    channel = models.ForeignKey(Channel, models.PROTECT, related_name="+")
    version = models.ForeignKey(PromptVersion, models.PROTECT, related_name="release_requests")
    content_hash = models.CharField(max_length=64)
    base = models.ForeignKey(Release, models.PROTECT, null=True, related_name="+")
    kind = models.CharField(max_length=10, choices=RequestKind.choices, default=RequestKind.RELEASE)
    reason = models.CharField(max_length=500)
    requester = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    needed = models.PositiveSmallIntegerField(help_text="Approvals, as the channel asked then.")
    go_live_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    state = models.CharField(
        max_length=10, choices=RequestState.choices, default=RequestState.WAITING
    )
    outcome = models.CharField(max_length=500, blank=True, help_text="Why it ended as it did.")
    release = models.OneToOneField(Release, models.PROTECT, null=True, related_name="request")

    class Meta:
        ordering = ["-id"]
        triggers = [
            pgtrigger.ReadOnly(
                name="request_is_fixed",
                fields=[
                    "prompt",
                    "channel",
                    "version",
                    "content_hash",
                    "base",
                    "kind",
                    "reason",
                    "requester",
                    "needed",
                    "go_live_at",
                ],
            ),
            pgtrigger.Protect(name="request_not_deleted", operation=pgtrigger.Delete),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "version", "kind"],
                condition=Q(state__in=["waiting", "approved"], kind="release"),
                name="one_open_request",
            ),
            models.CheckConstraint(
                condition=Q(state="released", release__isnull=False)
                | ~Q(state="released") & Q(release__isnull=True),
                name="released_has_release",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version} → {self.channel.slug}"


class Approval(models.Model):
    """One person's yes to a request. The database refuses that of its requester or of the
    version's author, through any door."""

    request = models.ForeignKey(ReleaseRequest, models.PROTECT, related_name="approvals")
    approver = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    comment = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        triggers = [
            pgtrigger.Protect(
                name="approval_append_only", operation=pgtrigger.Update | pgtrigger.Delete
            ),
            pgtrigger.Trigger(
                name="approval_of_another",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF EXISTS (
                        SELECT FROM prompts_releaserequest AS asked
                        JOIN prompts_promptversion AS version ON version.id = asked.version_id
                        WHERE asked.id = NEW.request_id
                          AND NEW.approver_id IN (asked.requester_id, version.author_id)
                    ) THEN
                        RAISE EXCEPTION 'Nobody approves what they wrote or asked for.'
                            USING ERRCODE = 'integrity_constraint_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["request", "approver"], name="one_approval_each")
        ]
