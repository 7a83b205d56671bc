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
    deployments, faults = _deployments(targets)
    try:
        route, change = upsert(Route, lookup={"slug": slug}, values={"name": name})
    except ValidationError as error:
        raise ValidationError(error.message_dict | faults) from error
    if faults:
        raise ValidationError(faults)
    if _replace_targets(route, deployments) and change == "unchanged":
        change = "updated"
    return route, change


def _deployments(slugs: Sequence[str]) -> tuple[list[Deployment], dict[str, list[str]]]:
    found, faults = [], []
    if not slugs:
        faults.append("A route needs at least one deployment.")
    for index, slug in enumerate(slugs):
        try:
            found.append(find(Deployment, slug, field="targets"))
        except ValidationError as error:
            faults += error.messages
        if slug in slugs[:index]:
            faults.append(f"“{slug}” is named twice.")
    return found, {"targets": faults} if faults else {}


def _replace_targets(route: Route, deployments: Sequence[Deployment]) -> bool:
    """Whether anything changed."""
    wanted = [deployment.pk for deployment in deployments]
    current = route.targets.order_by("position").values_list("deployment_id", flat=True)
    if list(current) == wanted:
        return False
    route.targets.all().delete()
    for position, deployment in enumerate(deployments, start=1):
        RouteTarget.objects.create(route=route, deployment=deployment, position=position)
    return True
