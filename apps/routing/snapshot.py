"""Active routes by slug and operators' orders, read once a configuration epoch."""

from collections.abc import Mapping

from django.db.models import Max

from apps.registry.types import RegistrySnapshot
from apps.routing.models import RestEnd, Route, RouteTarget
from apps.routing.rests import credential_of
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
    strategy = Strategy(route.strategy)
    return RouteFacts(route.slug, targets, strategy, _shadow(route), route.hedge)


def target_facts(row: RouteTarget) -> TargetFacts:
    return TargetFacts(
        row.deployment.slug, row.weight, row.canary_percent, tuple(row.tags), row.only_for
    )


def _shadow(route: Route) -> ShadowFacts | None:
    if not route.shadow_percent or route.shadow_deployment is None or not route.shadow_payer_id:
        return None
    return ShadowFacts(route.shadow_deployment.slug, route.shadow_percent, route.shadow_payer_id)


def read_rest_ends(registry: RegistrySnapshot) -> Mapping[str, int]:
    """The number of the newest order to end the rest of each subject."""
    newest = RestEnd.objects.order_by().values_list("deployment", "of").annotate(Max("id"))
    ends: dict[str, int] = {}
    for slug, of, number in newest:
        deployment = registry.deployments.get(slug)
        if of == RestEnd.Of.DEPLOYMENT:
            ends |= {f"d:{slug}": number, f"l:{slug}": number}
        elif deployment is not None:
            subject = credential_of(deployment)
            ends[subject] = max(number, ends.get(subject, 0))
    return ends
