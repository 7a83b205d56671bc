"""Rules for how long answers are kept, and the record of what was invalidated."""

import pgtrigger
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q

from apps.access.models import Service
from apps.audit.history import track
from apps.cache.types import Handle
from apps.core.models import TimestampedModel, moves_config_epoch
from apps.prompts.models import Prompt

TTL_MOST = 30 * 24 * 3600
STALE_MOST = 24 * 3600  # together less than a generation lives


@track()
class CacheRule(TimestampedModel):
    """How long answers of a prompt, of a service, or of a prompt for a service are kept. The most
    specific rule counts: both, then the prompt's, then the service's, then CACHE_TTL_SECONDS."""

    prompt = models.ForeignKey(
        Prompt, models.CASCADE, null=True, blank=True, related_name="+", help_text="Empty: any."
    )
    service = models.ForeignKey(
        Service, models.CASCADE, null=True, blank=True, related_name="+", help_text="Empty: any."
    )
    ttl_seconds = models.PositiveIntegerField(
        "fresh for",
        validators=[MaxValueValidator(TTL_MOST)],
        help_text="Seconds in which the same request gets the same answer, at most 30 days. "
        "0: every request is a call of its own.",
    )
    stale_seconds = models.PositiveIntegerField(
        "stands in for",
        default=0,
        validators=[MaxValueValidator(STALE_MOST)],
        help_text="Seconds beyond that in which the answer may stand in while every route is dead, "
        "at most a day; it is marked “stale”. 0: never.",
    )

    class Meta:
        ordering = ["prompt", "service"]
        triggers = [moves_config_epoch()]
        constraints = [
            models.UniqueConstraint(
                fields=["prompt", "service"], name="one_cache_rule", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(prompt__isnull=False) | Q(service__isnull=False),
                name="cache_rule_is_about_something",
                violation_error_message="Choose a prompt, a service, or both.",
            ),
            models.CheckConstraint(
                condition=Q(ttl_seconds__lte=TTL_MOST, stale_seconds__lte=STALE_MOST),
                name="cache_rule_within_bounds",
            ),
        ]

    def __str__(self) -> str:
        return " for ".join(str(part) for part in (self.prompt, self.service) if part)


class CacheEpoch(models.Model):
    """One number for each tenant, "*" for all. Moving it drops every answer of the tenant within a
    second: the way that does not need Redis."""

    tenant = models.CharField(max_length=50, unique=True)
    number = models.BigIntegerField(default=0)

    class Meta:
        triggers = [moves_config_epoch()]

    def __str__(self) -> str:
        return f"{self.tenant}: {self.number}"


class Invalidation(models.Model):
    """What was dropped from the cache, by whom and why. Append-only."""

    tenant = models.CharField(
        "service", max_length=50, help_text="Slug of the service, or * for all."
    )
    handle = models.CharField(
        "by", max_length=10, choices=[(handle.value, handle.label) for handle in Handle]
    )
    name = models.CharField(max_length=100, blank=True)
    reason = models.CharField(max_length=500)
    actor = models.CharField(max_length=200)
    at = models.DateTimeField()
    at_once = models.BooleanField(
        help_text="No: Redis was away, so within a second everything of the service was dropped."
    )

    class Meta:
        verbose_name = "cache invalidation"
        ordering = ["-id"]
        triggers = [
            pgtrigger.Protect(
                name="invalidation_append_only", operation=pgtrigger.Update | pgtrigger.Delete
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_handle_display()} {self.name}".strip()
