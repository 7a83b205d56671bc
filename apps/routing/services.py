"""Writes of routing."""

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction

from apps.core.upsert import Change, find, upsert
from apps.registry.models import Deployment
from apps.routing.models import Route, RouteTarget


@transaction.atomic
def put_route(
    *, slug: str, targets: Sequence[str], name: str | None = None
) -> tuple[Route, Change]:
    """Make a route, or let it go to `targets` (slugs of deployments, the first is tried first).

    Raises: `ValidationError` with every fault.
    """
    faults: dict[str, list[str]] = {}
    deployments: list[Deployment] = []
    try:
        deployments = find_targets(slugs=targets)
    except ValidationError as error:
        faults["targets"] = error.messages
    try:
        route, change = upsert(Route, lookup={"slug": slug}, values={"name": name})
    except ValidationError as error:
        raise ValidationError(error.message_dict | faults) from error
    if faults:
        raise ValidationError(faults)
    if set_targets(route=route, deployments=deployments) and change == "unchanged":
        change = "updated"
    return route, change


def find_targets(*, slugs: Sequence[str]) -> list[Deployment]:
    """The deployments in this order. Raises `ValidationError` with every fault."""
    found: list[Deployment] = []
    faults = [] if slugs else ["A route needs at least one deployment."]
    for index, slug in enumerate(slugs):
        try:
            found.append(find(Deployment, slug, field="targets"))
        except ValidationError as error:
            faults += error.messages
        if slug in slugs[:index]:
            faults.append(f"“{slug}” is named twice.")
    if faults:
        raise ValidationError(faults)
    return found


@transaction.atomic
def set_targets(*, route: Route, deployments: Sequence[Deployment]) -> bool:
    """Let the route try these, the first one first. Whether anything changed."""
    Route.objects.select_for_update(no_key=True).get(pk=route.pk)
    current = route.targets.order_by("position").values_list("deployment_id", flat=True)
    if list(current) == [deployment.pk for deployment in deployments]:
        return False
    route.targets.all().delete()
    for position, deployment in enumerate(deployments, start=1):
        RouteTarget.objects.create(route=route, deployment=deployment, position=position)
    return True
