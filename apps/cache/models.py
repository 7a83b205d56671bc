"""Rules for how long answers are kept, and the record of what was invalidated."""

from decimal import Decimal
from typing import Any

import pgtrigger
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q

from apps.access.models import Service
from apps.audit.history import track
from apps.cache.types import Handle
from apps.core.models import TimestampedModel, moves_config_epoch
from apps.prompts.models import Prompt
from apps.registry.models import Model, ModelKind

TTL_MOST = 30 * 24 * 3600
STALE_MOST = 24 * 3600  # together less than a generation lives
SIMILAR_LEAST = Decimal("0.5")
SIMILAR_RISK = (
    "Variable of the prompt that holds the question: answers are then also given to similar "
    "questions. Empty: never, and that is right for most. It answers some questions wrongly: with "
    "the built-in embedding model and 141 pairs of questions to a shop, at 0.95 it shared an "
    "answer between 6.2% of those that mean the same and 1.3% of near misses (“short rope”, “long "
    "rope”); at 0.85 between 42.2% and 13.0%. Numbers, codes, names, negations and words such as "
    "“before” must be equal; without that it were 22.1% and 64.9% of near misses."
)


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

    similar_variable = models.CharField(
        "question",
        max_length=100,
        blank=True,
        default="",
        db_default="",
        help_text=SIMILAR_RISK,
    )
    similar_model = models.ForeignKey(
        Model,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="embedding model",
        limit_choices_to={"kind": "embedding"},
        help_text="Makes the vectors. Each question that is not answered yet costs a call to it.",
    )
    similar_from = models.DecimalField(
        "similar from",
        max_digits=4,
        decimal_places=3,
        null=True,
        blank=True,
        help_text="Cosine from which two questions share an answer, 0.5 to 1. What is right "
        "depends on the model and your questions: measure it.",
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
            models.CheckConstraint(
                condition=Q(similar_variable="", similar_model=None, similar_from=None)
                | ~Q(similar_variable="")
                & Q(prompt__isnull=False, similar_model__isnull=False)
                & Q(similar_from__gte=SIMILAR_LEAST, similar_from__lte=1),
                name="cache_rule_similar_is_whole",
                violation_error_message="Similar questions need a prompt, its question, an "
                "embedding model and how similar they must be; or none of the last three.",
            ),
        ]

    def clean(self) -> None:
        if faults := self._similar_faults():
            raise ValidationError(faults)

    def _similar_faults(self) -> dict[str, Any]:
        """Every one, by field."""
        given = (self.similar_variable, self.similar_model, self.similar_from)
        if not any(value not in {"", None} for value in given):
            return {}
        faults: dict[str, Any] = {}
        if self.prompt is None:
            faults["prompt"] = "Similar questions are chosen for one prompt: name it."
        if fault := self._question_fault():
            faults["similar_variable"] = fault
        if self.similar_model is None:
            faults["similar_model"] = "Name the embedding model, or empty the question."
        elif self.similar_model.kind != ModelKind.EMBEDDING:
            faults["similar_model"] = f"“{self.similar_model}” makes no embeddings."
        if self.similar_from is None:
            faults["similar_from"] = "Say from which cosine on, or empty the question."
        elif not SIMILAR_LEAST <= self.similar_from <= 1:
            faults["similar_from"] = f"From {SIMILAR_LEAST} to 1."
        if self.ttl_seconds == 0:
            faults["ttl_seconds"] = "Nothing is kept, so nothing can be similar: more than 0."
        return faults

    def _question_fault(self) -> str:
        """Only a text that is nobody's own can be answered with another's answer."""
        if not self.similar_variable:
            return "Name the variable that holds the question."
        if self.prompt is None:
            return ""
        newest = self.prompt.versions.exclude(status="draft").order_by("-number").first()
        variables = newest.variables if newest else {}
        found = variables.get(self.similar_variable)
        if found is None:
            names = ", ".join(sorted(variables)) or "none"
            return f"The newest sealed version of the prompt has no such variable. It has: {names}."
        if found.get("type", "string") != "string":
            return "It is no text."
        if found.get("sensitivity", "none") != "none":
            return "It is personal or secret: its answers are for one person."
        return ""

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
