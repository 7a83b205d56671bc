"""From the name that a caller gave to the deployments that may answer, and why others may not.

Conditions are pure and hold for every attempt of a call, fallbacks and cheaper models included:
what they leave out is never tried.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from apps.registry.types import DeploymentFacts, RegistrySnapshot
from apps.routing.types import (
    NoSuchModel,
    Option,
    Pool,
    RouteFacts,
    Skip,
    Strategy,
    TargetFacts,
)

Condition = Callable[[Option], Skip | None]


def pool_of(name: str, *, registry: RegistrySnapshot, routes: Mapping[str, RouteFacts]) -> Pool:
    """A route's deployments by position, or a model's by priority. Raises `NoSuchModel`, which
    names what exists."""
    if route := routes.get(name):
        targets = [_option(target, registry) for target in route.targets]
        options = tuple(option for option in targets if not option.only_for)
        stand_ins = tuple(option for option in targets if option.only_for)
        ring = tuple(target.deployment for target in route.targets)
        return Pool(name, route.strategy, options, (), ring, route.shadow, stand_ins, route.hedge)
    if name in registry.models:
        options = tuple(Option(deployment) for deployment in registry.deployments_of(name))
        return Pool(name, Strategy.PRIORITY, options)
    known = ", ".join(sorted({*routes, *registry.models})[:20]) or "none yet"
    raise NoSuchModel(f"No route or model is called “{name}”. Known: {known}.")


def _option(target: TargetFacts, registry: RegistrySnapshot) -> Option:
    deployment = registry.deployments[target.deployment]
    return Option(deployment, target.weight, target.canary_percent, target.tags, target.only_for)


def keep(pool: Pool, condition: Condition) -> Pool:
    """Leave out every option, and every stand-in, for which `condition` says why."""
    skips = {o.deployment.slug: condition(o) for o in (*pool.options, *pool.stand_ins)}
    skipped = tuple(skip for skip in skips.values() if skip is not None)
    if not skipped:
        return pool
    options, stand_ins = (
        tuple(option for option in some if skips[option.deployment.slug] is None)
        for some in (pool.options, pool.stand_ins)
    )
    skipped = (*pool.skipped, *skipped)
    return replace(pool, options=options, stand_ins=stand_ins, skipped=skipped)


def prefer(pool: Pool, condition: Condition) -> Pool:
    """As `keep`, unless nothing would be left: for what is an estimate, or decided later."""
    kept = keep(pool, condition)
    return kept if kept.options else pool


def drained(option: Option) -> Skip | None:
    deployment = option.deployment
    if deployment.active:
        return None
    what = "its model" if not deployment.model.active else "it, or its provider,"
    detail = f"{what} is switched off (drained); enable it, or add another deployment"
    return Skip(deployment.slug, "drained", detail, passing=True)


def outside(regions: Iterable[tuple[str, ...]]) -> Condition:
    """`regions`: each requirement lists the regions that it allows; all of them must hold."""
    required = tuple(allowed for allowed in regions if allowed)

    def condition(option: Option) -> Skip | None:
        region = option.deployment.region
        for allowed in required:
            if not in_region(region, allowed):
                where = f"its region is {region}" if region else "its region is not known"
                detail = f"{where}; allowed: {', '.join(allowed)}. Use a deployment there"
                return Skip(option.deployment.slug, "region", detail)
        return None

    return condition


def in_region(region: str, allowed: tuple[str, ...]) -> bool:
    """Whether `region` is one of them or lies within one: “eu” allows “eu-west-1”. An unknown
    region lies nowhere."""
    own = region.lower()
    return any(own == a.lower() or own.startswith(f"{a.lower()}-") for a in allowed if own)


def without_tag(tags: Iterable[str]) -> Condition:
    """A target with tags serves only calls that carry one of them."""
    given = set(tags)

    def condition(option: Option) -> Skip | None:
        if not option.tags or given & set(option.tags):
            return None
        detail = f"it serves only calls with a context tag among: {', '.join(option.tags)}"
        return Skip(option.deployment.slug, "tag", detail)

    return condition


def too_small(*, input_tokens: Callable[[DeploymentFacts], int], output_cap: int) -> Condition:
    """The context window has no room for that input and an answer up to its cap."""

    def condition(option: Option) -> Skip | None:
        window = option.deployment.model.context_window
        needed = input_tokens(option.deployment) + output_cap
        if needed <= window:
            return None
        detail = f"about {needed} tokens do not fit into its window of {window}; ask for less"
        return Skip(option.deployment.slug, "window", detail)

    return condition


def unpriced(has_price: Callable[[DeploymentFacts], bool]) -> Condition:
    """Under a hard budget only what has a price may be sent."""

    def condition(option: Option) -> Skip | None:
        if has_price(option.deployment):
            return None
        detail = "it has no price, and a hard budget applies; add its price"
        return Skip(option.deployment.slug, "unpriced", detail)

    return condition


def why_none(pool: Pool) -> str:
    """For a caller whom nobody may answer: every candidate, why not, and the way out."""
    reasons = "; ".join(f"{skip.deployment}: {skip.detail}" for skip in pool.skipped)
    return f"No deployment of “{pool.name}” may answer. {reasons or 'It has none'}."
