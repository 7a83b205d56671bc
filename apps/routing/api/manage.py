"""Management of routes."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError as ModelValidationError
from rest_framework import serializers

from apps.core.manage_api import ManageSerializer, ManageViewSet
from apps.registry.models import Deployment
from apps.routing.models import Route
from apps.routing.services import find_targets, set_targets


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


class ManageRouteSerializer(ManageSerializer):
    """A route with the deployments that it tries."""

    targets = TargetsField()

    class Meta:
        model = Route
        fields = ("slug", "name", "active", "targets")

    def create(self, validated_data: dict[str, Any]) -> Route:
        targets: Sequence[Deployment] = validated_data.pop("targets")
        route: Route = super().create(validated_data)
        set_targets(route=route, deployments=targets)
        return route

    def update(self, instance: Route, validated_data: dict[str, Any]) -> Route:
        targets: Sequence[Deployment] | None = validated_data.pop("targets", None)
        route: Route = super().update(instance, validated_data)
        if targets is not None:
            set_targets(route=route, deployments=targets)
        # What was prefetched shows the targets before the change.
        return Route.objects.prefetch_related("targets__deployment").get(pk=route.pk)


class RouteViewSet(ManageViewSet):
    """Routes: names that callers use, and the deployments behind them."""

    queryset = Route.objects.prefetch_related("targets__deployment")
    serializer_class = ManageRouteSerializer
