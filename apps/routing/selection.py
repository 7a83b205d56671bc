"""From the name that a caller gave to the deployments that may answer, in order."""

from collections.abc import Mapping

from apps.registry.types import DeploymentFacts, RegistrySnapshot
from apps.routing.types import NoSuchModel, NothingHealthy, RouteFacts


def candidates(
    name: str, *, registry: RegistrySnapshot, routes: Mapping[str, RouteFacts]
) -> tuple[DeploymentFacts, ...]:
    """A route's deployments by position, or a model's by priority; drained ones are left out.

    Raises `NoSuchModel` (naming what exists) or `NothingHealthy`.
    """
    if route := routes.get(name):
        found = tuple(registry.deployments[slug] for slug in route.targets)
    elif name in registry.models:
        found = registry.deployments_of(name)
    else:
        known = ", ".join(sorted({*routes, *registry.models})[:20]) or "none yet"
        raise NoSuchModel(f"No route or model is called “{name}”. Known: {known}.")
    healthy = tuple(deployment for deployment in found if deployment.active)
    if not healthy:
        raise NothingHealthy(f"Every deployment of “{name}” is switched off.")
    return healthy
