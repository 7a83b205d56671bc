"""Active routes by slug, read once a configuration epoch."""

from collections.abc import Mapping

from apps.routing.models import Route, RouteTarget
from apps.routing.types import RouteFacts, ShadowFacts, Strategy, TargetFacts


def read_routes() -> Mapping[str, RouteFacts]:
    """Routes that are switched on and have a target."""
    routes = Route.objects.filter(active=True).select_related("shadow_deployment")
    targets: dict[int, list[TargetFacts]] = {}
    rows = RouteTarget.objects.filter(route__active=True).order_by("route", "position")
    for row in rows.select_related("deployment"):
        targets.setdefault(row.route_id, []).append(target_facts(row))
    return {
        route.slug: route_facts(route, tuple(targets[route.pk]))
        for route in routes
        if route.pk in targets
    }


def route_facts(route: Route, targets: tuple[TargetFacts, ...]) -> RouteFacts:
    return RouteFacts(route.slug, targets, Strategy(route.strategy), _shadow(route))


def target_facts(row: RouteTarget) -> TargetFacts:
    return TargetFacts(row.deployment.slug, row.weight, row.canary_percent, tuple(row.tags))


def _shadow(route: Route) -> ShadowFacts | None:
    if not route.shadow_percent or route.shadow_deployment is None or not route.shadow_payer_id:
        return None
    return ShadowFacts(route.shadow_deployment.slug, route.shadow_percent, route.shadow_payer_id)
