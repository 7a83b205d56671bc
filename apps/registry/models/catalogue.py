"""What may be called: providers, models, and deployments, where a provider runs a model."""

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from apps.audit.history import track
from apps.core.models import SlugModel, moves_config_epoch
from apps.registry.validators import (
    check_address,
    check_parameter_names,
    check_secret_ref,
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
