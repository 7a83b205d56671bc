"""What a call would cost, and whether its budgets would admit it now. Calls nobody, holds nothing.

At most is what a hold would take: the bytes of the input bound its tokens, the output is at its
cap, each at its dearest class, in the dearest service tier and step that it may land in. At least
is one token for each message or input and one of the answer, each at its cheapest. A cached answer
costs nothing at all.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from apps.access.types import Caller
from apps.budgets.selectors import foresee
from apps.budgets.types import BudgetExceeded, BudgetLeft, Foreseen
from apps.core.money import Pico
from apps.gateway.config import Config
from apps.gateway.deciding import decide
from apps.gateway.degrade import cheaper_tickets
from apps.gateway.prepare import Prepared, prepare
from apps.gateway.tickets import Ticket, hold_of, ticket_for
from apps.gateway.types import Call, CallSpec
from apps.ledger.ceilings import lowest
from apps.prompts.snapshot import load_version
from apps.prompts.types import VersionNotLoaded
from apps.registry.types import DeploymentFacts
from apps.routing.exchange import overheard
from apps.routing.loads import Loads
from apps.routing.strategies import Router
from apps.routing.types import Strategy

BY_LOAD = {Strategy.LOWEST_LATENCY, Strategy.LEAST_BUSY}


@dataclass(frozen=True, slots=True)
class Quote:
    """`at_most_pico` None: the deployment has no price. `decision`: admitted, cheaper_model,
    output_cap or refused; the fields after it describe what would be sent or why not."""

    model: str
    provider: str
    deployment: str
    prompt: str
    prompt_version: int
    input_tokens: int
    output_tokens: int
    likely_input_tokens: int
    left_out: tuple[str, ...]
    at_most_pico: Pico | None
    at_least_pico: Pico | None
    budgets: tuple[BudgetLeft, ...]
    decision: str
    held_pico: Pico | None = None
    cheaper_model: str = ""
    output_cap: int | None = None
    reason: str = ""
    retry_after: float | None = None
    jobs_wait: bool = False

    @property
    def admitted(self) -> bool:
        return self.decision != "refused"


def quote(
    *, spec: CallSpec, caller: Caller, request_id: str, config: Config, now: datetime
) -> Quote:
    """For the candidate that the pipeline would try first now. Raises `CallRefused`."""
    prepared = _prepare(spec, caller, request_id, config)
    call = Call(spec=spec, caller=caller, request_id=request_id, deadline=now)
    first = _first(prepared, config, now)
    prepared = prepared.fitted(first)
    ticket = ticket_for(call, prepared, first, now)
    cheaper = cheaper_tickets(call, ticket, prepared, config=config, now=now)
    holds = {model: hold_of(other, 0, {}) for model, (other, _) in cheaper.items()}
    hold = hold_of(ticket, 0, holds)
    foreseen = foresee(request=hold, budgets=config.budgets, now=now)
    at_most = hold.amount_pico if hold.priced else None
    return _quote(prepared, ticket, at_most, foreseen)


def _first(prepared: Prepared, config: Config, now: datetime) -> DeploymentFacts:
    """Where the route says so, drawn anew or by what processes said last."""
    loads = overheard()[0] if prepared.pool.strategy in BY_LOAD else Loads()
    router = Router(loads=loads)
    decision = decide(prepared, config=config, router=router, loads=loads, now=now)
    return decision.deployments[0]


def _prepare(spec: CallSpec, caller: Caller, request_id: str, config: Config) -> Prepared:
    try:
        return prepare(spec, config=config, caller=caller, request_id=request_id)
    except VersionNotLoaded as missing:
        load_version(missing.version_id)
        return prepare(spec, config=config, caller=caller, request_id=request_id)


def _quote(prepared: Prepared, ticket: Ticket, at_most: Pico | None, foreseen: Foreseen) -> Quote:
    dims, answer = ticket.dimensions, foreseen.answer
    shared = Quote(
        model=dims.model,
        provider=dims.provider,
        deployment=dims.deployment,
        prompt=dims.prompt,
        prompt_version=dims.prompt_version,
        input_tokens=ticket.input_bound,
        output_tokens=ticket.output_bound,
        likely_input_tokens=prepared.sizes.likely_input(ticket.deployment),
        left_out=prepared.fit.left_out if prepared.fit else (),
        at_most_pico=at_most,
        at_least_pico=None if at_most is None else _at_least(prepared, ticket),
        budgets=foreseen.budgets,
        decision="admitted",
        held_pico=foreseen.amount_pico,
    )
    if isinstance(answer, BudgetExceeded):
        return replace(
            shared,
            decision="refused",
            reason=str(answer),
            retry_after=answer.retry_after,
            jobs_wait=answer.jobs_wait,
        )
    if answer.cheaper_model:
        return replace(shared, decision="cheaper_model", cheaper_model=answer.cheaper_model)
    if answer.output_cap is not None:
        return replace(shared, decision="output_cap", output_cap=answer.output_cap)
    return shared


def _at_least(prepared: Prepared, ticket: Ticket) -> Pico:
    return lowest(
        input_tokens=len(prepared.messages) + len(prepared.spec.inputs),
        output_tokens=1 if prepared.output_cap else 0,
        at_most=ticket.input_bound,
        prices=ticket.prices,
        tier=ticket.asked_tier,
    )
