"""Stage 7: from who is able to the order in which they are tried, with the reasons."""

import random
from collections.abc import Mapping
from datetime import datetime

from apps.budgets.snapshot import matching
from apps.budgets.types import Scope
from apps.gateway import bounds
from apps.gateway.config import Config
from apps.gateway.prepare import Prepared
from apps.ledger.ceilings import ceiling
from apps.ledger.pricing import Unpriced
from apps.registry.types import DeploymentFacts
from apps.routing import selection
from apps.routing.loads import Loads
from apps.routing.rests import PATIENCE_SECONDS, Rest
from apps.routing.strategies import Request, Router
from apps.routing.types import Decision


def decide(
    prepared: Prepared,
    *,
    config: Config,
    router: Router,
    loads: Loads,
    now: datetime,
    rehearse: bool = False,
) -> Decision:
    """The order for this call. `rehearse` changes nothing: for explanations and quotes."""
    priced = selection.unpriced(lambda d: may_be_sent(prepared, d, config=config, now=now))
    # When nobody has a price, the budget refuses the call in its own words.
    pool = selection.prefer(prepared.pool, priced)
    return router.decide(pool, _request(prepared, loads, now), rehearse=rehearse)


def pause_for(decision: Decision, rests: Mapping[str, Rest], remaining: float) -> float:
    """Seconds to wait when everybody rests and one only cools down, briefly: its provider said when
    it answers again. Those who wait do not come back all at once. 0: do not wait."""
    if any(deployment.slug not in rests for deployment in decision.deployments):
        return 0.0
    cooling = [rest.seconds for rest in rests.values() if rest.passes_soon]
    pause = min(cooling, default=0.0) * random.uniform(1.0, 1.2)  # noqa: S311 - jitter is no secret
    return pause if pause < min(PATIENCE_SECONDS, remaining) else 0.0


def subject_of(prepared: Prepared) -> str:
    """Whose answers are alike in length: a prompt's, else a route's or model's."""
    return f"prompt:{prepared.pin.prompt}" if prepared.pin else f"model:{prepared.spec.model}"


def may_be_sent(
    prepared: Prepared, deployment: DeploymentFacts, *, config: Config, now: datetime
) -> bool:
    """Whether it has a price, or no hard budget asks for one."""
    try:
        ceiling(
            input_tokens=prepared.input_bound,
            answers=prepared.output_cap > 0,
            prices=deployment.prices_at(now),
            asked_tier=prepared.asked_tier,
            searches=deployment.searches_at_most,
        )
    except Unpriced:
        scope = _scope(prepared, deployment)
        return not any(budget.hard for budget in matching(config.budgets, scope))
    return True


def _request(prepared: Prepared, loads: Loads, now: datetime) -> Request:
    choices = int(prepared.parameters.get("n", 1))
    output = loads.expected_output(subject_of(prepared), cap=prepared.output_cap * choices)
    window = prepared.model.context_window * max(1, len(prepared.spec.inputs))
    tokens = min(window, bounds.likely_tokens(prepared.input_bound))
    return Request(
        input_tokens=tokens,
        output_tokens=output,
        now=now,
        service_tier=prepared.asked_tier,
    )


def _scope(prepared: Prepared, deployment: DeploymentFacts) -> Scope:
    caller = prepared.caller
    return Scope(
        team=caller.team,
        cost_center=caller.cost_center,
        service=caller.service,
        provider=deployment.provider,
        model=deployment.model.slug,
        prompt=prepared.pin.prompt if prepared.pin else "",
        tags=prepared.spec.context,
    )
