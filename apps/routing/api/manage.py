"""Management of routes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.core.exceptions import ValidationError as ModelValidationError
from rest_framework import serializers

from apps.core.api import StrictSerializer
from apps.core.manage_api import ManageSerializer, ManageViewSet
from apps.registry.models import Deployment
from apps.routing.models import ONLY_FOR, Route
from apps.routing.services import (
    NewTarget,
    arranged,
    find_targets,
    set_targets,
    stand_in_faults,
)


class TargetsField(serializers.ListField):
    """Slugs of deployments in the order in which they are tried."""

    child = serializers.SlugField()

    def get_attribute(self, instance: Route) -> list[str]:
        targets = sorted(instance.targets.all(), key=lambda target: target.position)
        return [target.deployment.slug for target in targets]

    def to_internal_value(self, data: Any) -> list[Deployment]:
        try:
            return find_targets(slugs=super().to_internal_value(data))
        except ModelValidationError as error:
            raise serializers.ValidationError(error.messages) from error


class TargetSettings(StrictSerializer):
    """What a route says of one of its targets; what is left out stays as it is."""

    weight = serializers.IntegerField(min_value=0, max_value=32767, required=False)
    canary_percent = serializers.IntegerField(min_value=0, max_value=100, required=False)
    tags = serializers.ListField(child=serializers.CharField(max_length=100), required=False)
    only_for = serializers.ChoiceField(choices=ONLY_FOR, required=False)


class SettingsField(serializers.DictField):
    """Deployment's slug → its weight, canary share, tags and what it stands in for. A target that
    is not named keeps what it has."""

    child = TargetSettings()

    def get_attribute(self, instance: Route) -> dict[str, Any]:
        return {
            row.deployment.slug: {
                "weight": row.weight,
                "canary_percent": row.canary_percent,
                "tags": row.tags,
                "only_for": row.only_for,
            }
            for row in sorted(instance.targets.all(), key=lambda row: row.position)
        }


class ManageRouteSerializer(ManageSerializer):
    """A route with the deployments that it tries."""

    targets = TargetsField()
    target_settings = SettingsField(required=False)

    class Meta:
        model = Route
        fields = (
            "slug",
            "name",
            "active",
            "strategy",
            "targets",
            "target_settings",
            "hedge",
            "shadow_deployment",
            "shadow_percent",
            "shadow_payer",
        )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        targets = attrs.get("targets")
        if targets is None and self.instance is not None:
            targets = [row.deployment for row in self.instance.targets.all()]
        settings = attrs.get("target_settings", {})
        strangers = settings.keys() - {d.slug for d in targets or ()}
        if strangers:
            fault = f"Not among the targets: {', '.join(sorted(strangers))}."
            raise serializers.ValidationError({"target_settings": fault})
        if faults := stand_in_faults(_wanted(self.instance, targets or (), settings)):
            raise serializers.ValidationError({"target_settings": faults})
        return super().validate(attrs)

    def create(self, validated_data: dict[str, Any]) -> Route:
        targets, settings = _popped(validated_data)
        route: Route = super().create(validated_data)
        _arrange(route, targets, settings)
        return route

    def update(self, instance: Route, validated_data: dict[str, Any]) -> Route:
        targets, settings = _popped(validated_data)
        route: Route = super().update(instance, validated_data)
        _arrange(route, targets, settings)
        # What was prefetched shows the targets before the change.
        return Route.objects.prefetch_related("targets__deployment").get(pk=route.pk)


def _popped(values: dict[str, Any]) -> tuple[Sequence[Deployment] | None, Mapping[str, Any]]:
    return values.pop("targets", None), values.pop("target_settings", {})


def _arrange(
    route: Route, deployments: Sequence[Deployment] | None, settings: Mapping[str, Any]
) -> None:
    if deployments is None:
        rows = route.targets.select_related("deployment").order_by("position")
        deployments = [row.deployment for row in rows]
    set_targets(route=route, targets=_wanted(route, deployments, settings))


def _wanted(
    route: Route | None, deployments: Sequence[Deployment], settings: Mapping[str, Any]
) -> list[NewTarget]:
    """As the targets shall be. `route` is None when it is new."""
    plain = [NewTarget(deployment) for deployment in deployments]
    targets = arranged(route=route, deployments=deployments) if route else plain
    return [
        replace(target, **_settings(settings.get(target.deployment.slug, {}))) for target in targets
    ]


def _settings(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(v) if name == "tags" else v for name, v in values.items()}


class RouteViewSet(ManageViewSet):
    """Routes: names that callers use, and the deployments behind them."""

    queryset = Route.objects.prefetch_related("targets__deployment")
    serializer_class = ManageRouteSerializer
