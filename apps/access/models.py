"""Who may call: teams, cost centres, services, their API keys and tiers."""

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from apps.audit.history import track
from apps.core.ids import uuid7
from apps.core.models import SlugModel, TimestampedModel, moves_config_epoch


@track()
class Team(SlugModel):
    """People who own services."""

    class Meta:
        ordering = ["slug"]
        triggers = [moves_config_epoch()]


@track()
class CostCenter(SlugModel):
    """Where finance books what a service spends."""

    class Meta:
        ordering = ["slug"]
        verbose_name = "cost centre"
        triggers = [moves_config_epoch()]


@track()
class Tier(SlugModel):
    """Rate limits that services share by name. Each is a token bucket; 0 means unlimited."""

    requests_per_second = models.PositiveIntegerField(default=50)
    burst = models.PositiveIntegerField(default=100, help_text="Requests at once after a pause.")
    tokens_per_minute = models.PositiveIntegerField(
        default=0, help_text="Tokens (input and output cap) a minute; 0: unlimited."
    )
    concurrent_calls = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Calls that run at once; 0: unlimited."
    )
    importance = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text="When a gateway process has too much to do, callers of tiers with less are "
        "refused first, with 503. Equal numbers are treated alike.",
    )

    class Meta:
        ordering = ["slug"]
        triggers = [moves_config_epoch()]


class ServicePurpose(models.TextChoices):
    SERVING = "", "Answers for callers"
    EVALUATION = "evaluation", "Evaluation"
    PLAYGROUND = "playground", "Playground"


@track()
class Service(SlugModel):
    """One consumer of the platform: the tenant that keys, cache, jobs and costs belong to."""

    team = models.ForeignKey(Team, models.PROTECT, related_name="services")
    cost_center = models.ForeignKey(
        CostCenter, models.PROTECT, related_name="services", verbose_name="cost centre"
    )
    tier = models.ForeignKey(Tier, models.PROTECT, related_name="+")
    regions = ArrayField(
        models.CharField(max_length=40),
        default=list,
        db_default=[],
        blank=True,
        help_text="Where its data may go, separated by commas: “eu” allows eu-west-1 too. "
        "Empty: anywhere.",
    )
    purpose = models.CharField(
        max_length=10,
        choices=ServicePurpose.choices,
        default=ServicePurpose.SERVING,
        db_default=ServicePurpose.SERVING.value,
        blank=True,
        help_text="What its calls are booked as. Evaluations and playgrounds stand apart from "
        "answers in every report, and have keys and budgets of their own.",
    )
    fallback_answer = models.TextField(
        max_length=20_000,
        default="",
        db_default="",
        blank=True,
        help_text="What callers get instead of an error when every deployment failed: a text, or a "
        "JSON object for those who ask for JSON. It costs nothing, is never cached, and is marked "
        "“x-llm-degraded: fallback_answer”. Empty: they get 503. Jobs wait instead.",
    )
    active = models.BooleanField(default=True, help_text="Off: every key of it is refused.")

    class Meta:
        ordering = ["slug"]
        triggers = [moves_config_epoch()]


@track(exclude=("key_hash",))
class ApiKey(TimestampedModel):
    """A service's key. Only a keyed hash is stored; the key itself is shown once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    service = models.ForeignKey(Service, models.CASCADE, related_name="keys")
    name = models.CharField(max_length=100, help_text="What uses it, e.g. “checkout, production”.")
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    key_hash = models.BinaryField(max_length=32, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        triggers = [moves_config_epoch()]
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=models.F("created_at")),
                name="apikey_expires_after_creation",
            )
        ]

    def clean(self) -> None:
        if self.expires_at is not None and self.expires_at <= (self.created_at or timezone.now()):
            raise ValidationError({"expires_at": "A key cannot expire before it begins."})

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.name})"
