"""Routes: a name that callers use, and the deployments behind it in order."""

from django.db import models

from apps.audit.history import track
from apps.core.models import SlugModel, TimestampedModel, moves_config_epoch
from apps.registry.models import Deployment


@track()
class Route(SlugModel):
    """What a caller or prompt names as its model; its targets are tried in order of `position`."""

    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["slug"]
        triggers = [moves_config_epoch()]


@track()
class RouteTarget(TimestampedModel):
    route = models.ForeignKey(Route, models.CASCADE, related_name="targets")
    deployment = models.ForeignKey(Deployment, models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField(help_text="1 is tried first.")

    class Meta:
        ordering = ["route", "position"]
        triggers = [moves_config_epoch()]
        constraints = [
            models.UniqueConstraint(fields=["route", "position"], name="route_position_once"),
            models.UniqueConstraint(fields=["route", "deployment"], name="route_deployment_once"),
        ]

    def __str__(self) -> str:
        return f"{self.route} {self.position}: {self.deployment}"
