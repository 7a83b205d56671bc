"""Writes of routing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import structlog
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from apps.core.upsert import Change, find, upsert
from apps.registry.models import Deployment
from apps.routing.models import RestEnd, Route, RouteTarget
from apps.routing.types import EITHER, Need

log = structlog.get_logger(__name__)
CANARY_PERCENT = 5  # of calls, for a canary that is started with one click


@dataclass(frozen=True, slots=True)
class NewTarget:
    """A target as it shall be; see `RouteTarget`."""

    deployment: Deployment
    weight: int = 100
    canary_percent: int = 0
    tags: tuple[str, ...] = ()
    only_for: str = ""

    def stands_in(self, need: Need) -> bool:
        return self.only_for in {need, EITHER}


@transaction.atomic
def put_route(
    *, slug: str, targets: Sequence[str], name: str | None = None, strategy: str | None = None
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
        route, change = upsert(
            Route, lookup={"slug": slug}, values={"name": name, "strategy": strategy}
        )
    except ValidationError as error:
        raise ValidationError(error.message_dict | faults) from error
    if faults:
        raise ValidationError(faults)
    wanted = arranged(route=route, deployments=deployments)
    if set_targets(route=route, targets=wanted) and change == "unchanged":
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
def set_targets(*, route: Route, targets: Sequence[NewTarget]) -> bool:
    """Let the route have these, the first one first. Whether anything changed. Raises
    `ValidationError` with every fault."""
    Route.objects.select_for_update(no_key=True).get(pk=route.pk)
    current = [as_target(row) for row in route.targets.select_related("deployment")]
    if current == list(targets):
        return False
    if faults := stand_in_faults(targets):
        raise ValidationError(faults)
    route.targets.all().delete()
    for position, target in enumerate(targets, start=1):
        row = RouteTarget(
            route=route,
            deployment=target.deployment,
            position=position,
            weight=target.weight,
            canary_percent=target.canary_percent,
            tags=list(target.tags),
            only_for=target.only_for,
        )
        row.full_clean(validate_unique=False, validate_constraints=False)
        row.save()
    return True


def as_target(row: RouteTarget) -> NewTarget:
    return NewTarget(row.deployment, row.weight, row.canary_percent, tuple(row.tags), row.only_for)


def stand_in_faults(targets: Sequence[NewTarget]) -> list[str]:
    """Why these cannot stand in for one another. Chains do not exist, so neither do circles."""
    ordinary = [target.deployment for target in targets if not target.only_for]
    stand_ins = [target for target in targets if target.only_for]
    if stand_ins and not ordinary:
        return ["At least one target must be asked for every call; stand-ins are not."]
    return [fault for target in stand_ins for fault in _stand_in_faults(target, ordinary)]


def _stand_in_faults(target: NewTarget, ordinary: Sequence[Deployment]) -> Iterator[str]:
    deployment, model = target.deployment, target.deployment.model
    if target.canary_percent:
        yield f"“{deployment}” stands in, so it cannot be a canary: set its share to 0."
    kinds = {other.model.kind for other in ordinary}
    if model.kind not in kinds:
        yield f"“{deployment}” is for {model.kind}, the others are for {', '.join(sorted(kinds))}."
    largest = max(other.model.context_window for other in ordinary)
    if target.stands_in(Need.TOO_LONG) and model.context_window <= largest:
        yield (
            f"“{deployment}” has a context window of {model.context_window}, another target one of "
            f"{largest}: for what is too long, name one with a larger window."
        )
    if not deployment.prices.filter(valid__contains=timezone.now()).exists():
        yield f"“{deployment}” has no price now: add one before it stands in."


def arranged(*, route: Route, deployments: Sequence[Deployment]) -> list[NewTarget]:
    """These in this order; what the route has already keeps its weight, canary share and tags."""
    rows = route.targets.select_related("deployment")
    known = {row.deployment_id: as_target(row) for row in rows}
    return [known.get(deployment.pk, NewTarget(deployment)) for deployment in deployments]


@transaction.atomic
def start_canary(*, route: Route, percent: int = CANARY_PERCENT) -> Deployment:
    """Give the last ordinary target a small share of calls. Raises `ValidationError`."""
    targets = _locked(route)
    ordinary = [target for target in targets if not target.only_for]
    if len(ordinary) < 2:
        raise ValidationError("A canary needs another target beside it: add the new one last.")
    if any(target.canary_percent for target in targets):
        raise ValidationError("There is a canary already; promote or stop it first.")
    canary = replace(ordinary[-1], canary_percent=percent)
    wanted = [canary if target is ordinary[-1] else target for target in targets]
    set_targets(route=route, targets=wanted)
    return canary.deployment


@transaction.atomic
def promote_canary(*, route: Route) -> Deployment:
    """The canary becomes the first ordinary target. Raises `ValidationError`."""
    targets = _locked(route)
    canary = _canary(targets)
    others = [target for target in targets if target is not canary]
    set_targets(route=route, targets=[replace(canary, canary_percent=0), *others])
    return canary.deployment


@transaction.atomic
def stop_canary(*, route: Route) -> Deployment:
    """The canary gets no calls of its own any more: it is taken out of the route. Raises
    `ValidationError`."""
    targets = _locked(route)
    canary = _canary(targets)
    set_targets(route=route, targets=[target for target in targets if target is not canary])
    return canary.deployment


def _locked(route: Route) -> list[NewTarget]:
    Route.objects.select_for_update(no_key=True).get(pk=route.pk)
    rows = route.targets.select_related("deployment").order_by("position")
    return [as_target(row) for row in rows]


def _canary(targets: Sequence[NewTarget]) -> NewTarget:
    canaries = [target for target in targets if target.canary_percent]
    if not canaries:
        raise ValidationError("There is no canary.")
    if not any(target is not canaries[0] and not target.only_for for target in targets):
        raise ValidationError("The canary is the only target; add another one first.")
    return canaries[0]


def end_rest(*, deployment: Deployment, of: RestEnd.Of, reason: str, actor: str) -> RestEnd:
    """Let the deployment, or the credential behind it, rest no longer, in every process within a
    second; whether it is well again shows with the next calls."""
    ended = RestEnd.objects.create(deployment=deployment.slug, of=of, reason=reason, actor=actor)
    log.warning("deployment_rest_ended", deployment=deployment.slug, of=str(of), actor=actor)
    return ended
