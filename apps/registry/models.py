"""What may be called and at what price: providers, models, deployments, price rows."""

from decimal import Decimal
from typing import Any

import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from apps.audit.history import track
from apps.core.fields import PicoUSDField
from apps.core.models import SlugModel, TimestampedModel, moves_config_epoch
from apps.registry.tiers import DEFAULT_TIER
from apps.registry.validators import (
    check_address,
    check_parameter_names,
    check_secret_ref,
    check_service_tier,
)


class Vendor(models.TextChoices):
    """Which adapter of `apps.providers` speaks to it."""

    OPENAI = "openai", "OpenAI"
    AZURE = "azure", "Azure OpenAI"
    COMPATIBLE = "compatible", "OpenAI-compatible server"


@track()
class Provider(SlugModel):
    """A vendor account: an address and a credential."""

    vendor = models.CharField(max_length=20, choices=Vendor.choices)
    base_url = models.CharField(
        max_length=500, validators=[check_address], help_text="e.g. https://api.openai.com/v1"
    )
    secret_ref = models.CharField(
        max_length=200,
        blank=True,
        validators=[check_secret_ref],
        help_text="Where the key is, never the key itself: env:OPENAI_API_KEY or "
        "file:/run/secrets/openai. Empty: none needed.",
    )
    api_version = models.CharField(max_length=40, blank=True, help_text="Azure only.")
    active = models.BooleanField(default=True, help_text="Off: drained, new calls go elsewhere.")

    class Meta:
        ordering = ["slug"]
        triggers = [moves_config_epoch()]


class ModelKind(models.TextChoices):
    CHAT = "chat", "Chat"
    EMBEDDING = "embedding", "Embedding"


class Tokenizer(models.TextChoices):
    O200K = "o200k_base", "o200k_base (GPT-4o and newer)"
    CL100K = "cl100k_base", "cl100k_base (GPT-4, GPT-3.5, embeddings)"
    RATIO = "ratio", "By a measured ratio"


@track()
class Model(SlugModel):
    """A language model, independent of who serves it."""

    kind = models.CharField(max_length=20, choices=ModelKind.choices, default=ModelKind.CHAT)
    context_window = models.PositiveIntegerField(help_text="Tokens, input and output together.")
    max_output_tokens = models.PositiveIntegerField(
        default=4096, help_text="The most it can answer, in tokens. 0 for embeddings."
    )
    supports_tools = models.BooleanField(default=False)
    supports_json_schema = models.BooleanField(default=False)
    supports_images = models.BooleanField(default=False)
    tokenizer = models.CharField(
        max_length=20,
        choices=Tokenizer.choices,
        blank=True,
        default="",
        db_default="",
        help_text="How its tokens are counted before a call. With its own tokenizer a call that "
        "cannot fit is refused before anything is sent; a ratio only chooses and shortens. "
        "Empty: four bytes are taken for a token.",
    )
    bytes_per_token = models.DecimalField(
        max_digits=4,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="UTF-8 bytes of text for each token, as measured; for “By a measured ratio”.",
    )
    tokenizer_source = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="Where the ratio is from: which texts, when, how many calls.",
    )
    active = models.BooleanField(default=True, help_text="Off: drained, no deployment serves it.")

    class Meta:
        ordering = ["slug"]
        triggers = [moves_config_epoch()]
        constraints = [
            models.CheckConstraint(
                condition=Q(tokenizer="ratio", bytes_per_token__isnull=False)
                | ~Q(tokenizer="ratio") & Q(bytes_per_token__isnull=True),
                name="model_ratio_has_a_number",
            ),
        ]

    def clean(self) -> None:
        faults = self._ratio_faults()
        try:
            self._check_output()
        except ValidationError as error:
            faults |= error.message_dict
        if faults:
            raise ValidationError(faults)

    def _ratio_faults(self) -> dict[str, Any]:
        if self.tokenizer != Tokenizer.RATIO:
            unused = "A ratio is for a model whose tokenizer is “By a measured ratio”."
            return {"bytes_per_token": unused} if self.bytes_per_token is not None else {}
        faults: dict[str, Any] = {}
        if self.bytes_per_token is None:
            faults |= {"bytes_per_token": "Say how many bytes make a token."}
        if not self.tokenizer_source:
            faults |= {"tokenizer_source": "Say where the ratio is from."}
        return faults

    def _check_output(self) -> None:
        if self.kind != ModelKind.CHAT or None in (self.context_window, self.max_output_tokens):
            return
        if self.max_output_tokens == 0:
            raise ValidationError({"max_output_tokens": "A chat model answers at least one token."})
        if self.max_output_tokens > self.context_window:
            fault = "An answer cannot be longer than the context window."
            raise ValidationError({"max_output_tokens": fault})


@track()
class Deployment(SlugModel):
    """A model as one provider serves it, in one region."""

    provider = models.ForeignKey(Provider, models.PROTECT, related_name="deployments")
    model = models.ForeignKey(Model, models.PROTECT, related_name="deployments")
    upstream_name = models.CharField(
        max_length=200, help_text="The model's (Azure: the deployment's) name at the provider."
    )
    region = models.CharField(max_length=40, blank=True)
    priority = models.PositiveSmallIntegerField(
        default=100, help_text="Order within its model: lower is tried first."
    )
    connect_timeout_seconds = models.PositiveSmallIntegerField(default=5)
    read_timeout_seconds = models.PositiveSmallIntegerField(default=120)
    slow_seconds = models.DecimalField(
        "slow from, in seconds",
        max_digits=6,
        decimal_places=2,
        default=60,
        db_default=60,
        validators=[MinValueValidator(Decimal("0.1"))],
        help_text="An answer that takes so long counts as slow. When four fifths of its calls are "
        "slow or fail, it rests; a time-out after so long is always its own fault.",
    )
    finish_required = models.BooleanField(
        default=True,
        help_text="An answer without a finish reason counts as cut off. "
        "Some servers never send it.",
    )
    input_overhead_tokens = models.PositiveIntegerField(
        default=64,
        help_text="Tokens that the server's chat template adds at most: part of every hold.",
    )
    searches_at_most = models.PositiveSmallIntegerField(
        "web searches at most",
        default=0,
        db_default=0,
        help_text="Web searches that one call can be billed for at most, where the server makes "
        "them: part of every hold. 0: it makes none.",
    )
    batch_lane = models.BooleanField(
        "offers the batch lane",
        default=False,
        db_default=False,
        help_text="Jobs that may wait can be sent through the provider's Batch API. It needs "
        "prices of the service tier “batch” too. Not for Azure.",
    )
    extra_parameters = models.CharField(
        max_length=1000,
        blank=True,
        db_default="",
        validators=[check_parameter_names],
        help_text="Parameters beyond OpenAI's that callers may send to it, separated by commas, "
        "e.g. top_k, min_p. None may change how much is billed.",
    )
    active = models.BooleanField(default=True, help_text="Off: drained, new calls go elsewhere.")

    class Meta:
        ordering = ["slug"]
        triggers = [moves_config_epoch()]
        constraints = [
            models.CheckConstraint(
                condition=Q(slow_seconds__gte=Decimal("0.1")), name="deployment_slow_takes_time"
            ),
        ]


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
