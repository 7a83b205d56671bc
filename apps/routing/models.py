"""Routes: a name that callers use, and the deployments behind it."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q

from apps.access.models import Service
from apps.audit.history import track
from apps.core.models import SlugModel, TimestampedModel, moves_config_epoch
from apps.registry.models import Deployment
from apps.routing.types import EITHER, Need, Strategy

STRATEGIES = (
    (Strategy.PRIORITY.value, "Priority: always in this order"),
    (Strategy.ROUND_ROBIN.value, "Round robin: each in turn"),
    (Strategy.WEIGHTED.value, "Weighted: drawn by weight"),
    (Strategy.LOWEST_COST.value, "Lowest cost of this request"),
    (Strategy.LOWEST_LATENCY.value, "Lowest latency (peak EWMA, better of two)"),
    (Strategy.LEAST_BUSY.value, "Least busy: fewest in flight"),
)

ONLY_FOR = (
    ("", "Every call"),
    (Need.TOO_LONG.value, "Context too long for the others"),
    (Need.REFUSED.value, "Content refused by a provider"),
    (EITHER, "Too long, or refused"),
)


@track()
class Route(SlugModel):
    """What a caller or prompt names as its model. The strategy orders its targets for each call.

    A share of answered calls is also sent to the shadow deployment; nobody is answered from there,
    and the payer's hard budget caps it."""

    active = models.BooleanField(default=True)
    strategy = models.CharField(
        max_length=20,
        choices=STRATEGIES,
        default=Strategy.PRIORITY.value,
        db_default=Strategy.PRIORITY.value,
        help_text="Which target is tried first; the others are its fallbacks.",
    )
    hedge = models.BooleanField(
        "ask a second deployment when an answer is late",
        default=False,
        db_default=False,
        help_text="For calls that are not streamed: after the time in which 95 of 100 answers of a "
        "deployment come, another target is asked too, and the first answer counts. At most for "
        "5 % of calls; both requests are paid for.",
    )
    shadow_deployment = models.ForeignKey(
        Deployment,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Gets copies of calls, to be compared. Callers are never answered from it.",
    )
    shadow_percent = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        validators=[MaxValueValidator(100)],
        help_text="Share of answered calls that is copied. 0: none.",
    )
    shadow_payer = models.ForeignKey(
        Service,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="A service of its own that pays for copies. Without a hard budget that names "
        "this service, nothing is copied.",
    )

    class Meta:
        ordering = ["slug"]
        triggers = [moves_config_epoch()]
        constraints = [
            models.CheckConstraint(
                condition=Q(shadow_percent=0)
                | Q(shadow_deployment__isnull=False, shadow_payer__isnull=False),
                name="route_shadow_complete",
            )
        ]

    def clean(self) -> None:
        if not self.shadow_percent:
            return
        missing = [name for name in ("shadow_deployment", "shadow_payer") if not self._has(name)]
        if missing:
            fault = "Copies need it: name it, or set the share to 0."
            raise ValidationError(dict.fromkeys(missing, fault))

    def _has(self, name: str) -> bool:
        return getattr(self, f"{name}_id") is not None


@track()
class RouteTarget(TimestampedModel):
    route = models.ForeignKey(Route, models.CASCADE, related_name="targets")
    deployment = models.ForeignKey(Deployment, models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField(help_text="1 is tried first.")
    weight = models.PositiveSmallIntegerField(
        default=100,
        db_default=100,
        help_text="Share of calls relative to the other weights; 0: only as a fallback. "
        "Counts for the strategy “weighted”.",
    )
    canary_percent = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        validators=[MaxValueValidator(100)],
        help_text="Above 0: this share of calls goes here first, whatever the strategy; of the "
        "others it is the last resort.",
    )
    tags = ArrayField(
        models.CharField(max_length=100),
        default=list,
        db_default=[],
        blank=True,
        help_text="Only calls with one of these context tags, separated by commas. Empty: all.",
    )
    only_for = models.CharField(
        "asked for",
        max_length=10,
        choices=ONLY_FOR,
        blank=True,
        default="",
        db_default="",
        help_text="Every call, or it stands in: only when the context is too long for the others, "
        "or when a provider’s filter refused the content.",
    )

    class Meta:
        ordering = ["route", "position"]
        triggers = [moves_config_epoch()]
        constraints = [
            models.UniqueConstraint(fields=["route", "position"], name="route_position_once"),
            models.UniqueConstraint(fields=["route", "deployment"], name="route_deployment_once"),
            models.CheckConstraint(
                condition=Q(canary_percent__lte=100), name="route_canary_at_most_all"
            ),
            models.CheckConstraint(
                condition=Q(only_for="")
                | Q(only_for__in=[need for need, _ in ONLY_FOR], canary_percent=0),
                name="route_stand_in_is_no_canary",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.route} {self.position}: {self.deployment}"


@track()
class RestEnd(models.Model):
    """An operator let a deployment, or the credential behind it, rest no longer. Append-only; each
    process follows it when it reads its configuration, so it needs no Redis."""

    class Of(models.TextChoices):
        DEPLOYMENT = "deployment", "deployment"
        CREDENTIAL = "credential", "credential"

    deployment = models.CharField(max_length=50, help_text="Slug of the deployment.")
    of = models.CharField("rest of", max_length=10, choices=Of.choices)
    reason = models.CharField(max_length=500)
    actor = models.CharField(max_length=200)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "ended rest"
        ordering = ["-id"]
        indexes = [models.Index(fields=["deployment", "of", "-id"], name="restend_newest")]
        permissions = [("operate_health", "Can take deployments out of service and end rests")]
        triggers = [
            moves_config_epoch(),
            pgtrigger.Protect(
                name="restend_append_only", operation=pgtrigger.Update | pgtrigger.Delete
            ),
        ]

    def __str__(self) -> str:
        return f"{self.deployment}: {self.get_of_display()}"
