"""Active routes by slug, read once a configuration epoch."""

from collections.abc import Mapping

from apps.routing.models import RouteTarget
from apps.routing.types import RouteFacts


def read_routes() -> Mapping[str, RouteFacts]:
    targets: dict[str, list[str]] = {}
    rows = RouteTarget.objects.filter(route__active=True).order_by("route", "position")
    for route, deployment in rows.values_list("route__slug", "deployment__slug"):
        targets.setdefault(route, []).append(deployment)
    return {slug: RouteFacts(slug, tuple(names)) for slug, names in targets.items()}
