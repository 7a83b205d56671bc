"""What it costs: rows of the price list, and prices that somebody has to approve first."""

import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Q

from apps.audit.history import track
from apps.core.fields import PicoUSDField
from apps.core.models import TimestampedModel, moves_config_epoch
from apps.registry.models.catalogue import Deployment
from apps.registry.tiers import DEFAULT_TIER
from apps.registry.validators import check_service_tier


class UsageClass(models.TextChoices):
    """Disjoint classes, one price row each: those of tokens add up to the provider's totals."""

    IN_UNCACHED = "in_uncached", "Input"
    IN_CACHE_READ = "in_cache_read", "Input, cached"
    IN_CACHE_WRITE = "in_cache_write", "Input, cache write"
    IN_CACHE_WRITE_5M = "in_cache_write_5m", "Input, cache write for 5 minutes"
    IN_CACHE_WRITE_1H = "in_cache_write_1h", "Input, cache write for an hour"
    IN_AUDIO = "in_audio", "Input audio"
    IN_IMAGE = "in_image", "Input images"
    OUT_TEXT = "out_text", "Output"
    OUT_REASONING = "out_reasoning", "Output, reasoning"
    OUT_AUDIO = "out_audio", "Output audio"
    OUT_IMAGE = "out_image", "Output images"
    REQUESTS = "requests", "Requests"
    WEB_SEARCH = "web_search", "Web searches"


class PriceKind(TimestampedModel):
    """What a price is of: a usage class, in a service tier, from a length of the input on."""

    usage_class = models.CharField(max_length=20, choices=UsageClass.choices)
    service_tier = models.CharField(
        max_length=40,
        default=DEFAULT_TIER,
        db_default=DEFAULT_TIER,
        validators=[check_service_tier],
        help_text="In the provider's own word, as its answers name it, e.g. flex, priority. "
        "“default” is the standard tier.",
    )
    min_input_tokens = models.PositiveIntegerField(
        "from input tokens",
        default=0,
        db_default=0,
        help_text="For calls whose whole input has at least so many tokens, e.g. 200001; "
        "the highest step that a call reaches holds. 0: for every call.",
    )

    class Meta:
        abstract = True


@track()
class Price(PriceKind):
    """What one usage class of a deployment costs while it is valid. Never edited: a new price is a
    new row; only the end of its validity may be set once."""

    deployment = models.ForeignKey(Deployment, models.PROTECT, related_name="prices")
    price_pico = PicoUSDField(help_text="Pico-USD for each block of units.")
    per_block = models.PositiveIntegerField(default=1, help_text="Units in a block; 1 for tokens.")
    valid = DateTimeRangeField(
        help_text="From (included) to (not included); no end: until replaced."
    )
    source = models.CharField(
        max_length=200, help_text="e.g. “contract 2026-04” or “genai-prices”."
    )

    class Meta:
        ordering = ["deployment", "service_tier", "usage_class", "min_input_tokens", "-valid"]
        constraints = [
            ExclusionConstraint(
                name="price_one_at_a_time",
                expressions=[
                    (F("deployment"), RangeOperators.EQUAL),
                    (F("usage_class"), RangeOperators.EQUAL),
                    (F("service_tier"), RangeOperators.EQUAL),
                    (F("min_input_tokens"), RangeOperators.EQUAL),
                    (F("valid"), RangeOperators.OVERLAPS),
                ],
            ),
            models.CheckConstraint(condition=Q(price_pico__gte=0), name="price_not_negative"),
            models.CheckConstraint(condition=Q(per_block__gte=1), name="price_block_positive"),
        ]
        triggers = [
            moves_config_epoch(),
            pgtrigger.ReadOnly(
                name="price_immutable",
                fields=[
                    "deployment",
                    "usage_class",
                    "service_tier",
                    "min_input_tokens",
                    "price_pico",
                    "per_block",
                    "source",
                ],
            ),
            pgtrigger.Protect(name="price_no_delete", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="price_ends_once",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__valid__df=pgtrigger.F("new__valid")),
                func="""
                    IF NOT upper_inf(OLD.valid) OR upper_inf(NEW.valid) OR isempty(NEW.valid)
                       OR lower(NEW.valid) IS DISTINCT FROM lower(OLD.valid) THEN
                        RAISE EXCEPTION 'Of a price only its end can be set, once.'
                            USING ERRCODE = 'integrity_constraint_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.deployment} {kind_of(self)}"


class PriceProposal(PriceKind):
    """A price that an import suggests. A person with the right approves or rejects it."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"

    deployment = models.ForeignKey(Deployment, models.CASCADE, related_name="+")
    current_pico = PicoUSDField(null=True, blank=True)
    proposed_pico = PicoUSDField()
    per_block = models.PositiveIntegerField(default=1)
    source = models.CharField(max_length=200)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        permissions = [("approve_price", "Can approve or reject price proposals")]
        constraints = [
            models.UniqueConstraint(
                fields=["deployment", "usage_class", "service_tier", "min_input_tokens"],
                condition=Q(status="open"),
                name="one_open_proposal_each",
            ),
            models.CheckConstraint(
                condition=Q(status="open", decided_at__isnull=True)
                | Q(~Q(status="open"), decided_at__isnull=False),
                name="proposal_decided_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.deployment} {kind_of(self)}"


def kind_of(row: PriceKind) -> str:
    """The usage class and what is special: “Output, flex, from 200001 tokens”."""
    tier = "" if row.service_tier == DEFAULT_TIER else f", {row.service_tier}"
    step = f", from {row.min_input_tokens} tokens" if row.min_input_tokens else ""
    return f"{row.get_usage_class_display()}{tier}{step}"
