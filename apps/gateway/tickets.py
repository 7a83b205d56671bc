"""Stage 8, before: what an attempt is, for whom, and the most that it can cost.

The hold and the attempt's row are committed before a byte is sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from apps.budgets.types import HoldRequest, OutputTerms, Scope
from apps.core.ids import uuid7
from apps.gateway import bounds
from apps.gateway.accounts import Admission
from apps.gateway.prepare import Prepared
from apps.gateway.retry import Next
from apps.gateway.types import Call, Pin
from apps.ledger.ceilings import Ceiling, ceiling
from apps.ledger.models import Purpose
from apps.ledger.pricing import Unpriced
from apps.ledger.types import AttemptStart, Dimensions
from apps.registry.tiers import DEFAULT_TIER
from apps.registry.types import DeploymentFacts, PriceRow


@dataclass(frozen=True, slots=True)
class Ticket:
    """An attempt that may run."""

    id: UUID
    deployment: DeploymentFacts
    dimensions: Dimensions
    prices: tuple[PriceRow, ...]
    asked_tier: str  # "" when the caller left it to the provider
    input_bound: int
    output_bound: int
    choices: int
    saved_tokens: int = 0  # of the input, left out so that it fits


def dimensions_of(call: Call, pin: Pin | None, deployment: DeploymentFacts) -> Dimensions:
    """Whose call it is and of what, as it will stand in the books."""
    return Dimensions(
        service=call.caller.service,
        team=call.caller.team,
        cost_center=call.caller.cost_center,
        provider=deployment.provider,
        model=deployment.model.slug,
        deployment=deployment.slug,
        prompt=pin.prompt if pin else "",
        prompt_version=pin.number if pin else 0,
        arm=pin.arm if pin else "",
        channel=pin.channel if pin else "",
        phase=pin.phase if pin else 0,
        subject=pin.subject if pin else "",
        tags=call.spec.context,
    )


def ticket_for(call: Call, prepared: Prepared, deployment: DeploymentFacts, now: Any) -> Ticket:
    return Ticket(
        id=uuid7(),
        deployment=deployment,
        dimensions=dimensions_of(call, prepared.pin, deployment),
        prices=deployment.prices_at(now),
        asked_tier=prepared.asked_tier,
        input_bound=bounds.hold_input(
            prepared.input_bound, deployment, inputs=len(prepared.spec.inputs)
        ),
        output_bound=prepared.output_bound,
        choices=int(prepared.parameters.get("n", 1)),
        saved_tokens=prepared.fit.saved_tokens if prepared.fit else 0,
    )


def scope_of(dims: Dimensions) -> Scope:
    """What budgets match the call by."""
    return Scope(
        team=dims.team,
        cost_center=dims.cost_center,
        service=dims.service,
        provider=dims.provider,
        model=dims.model,
        prompt=dims.prompt,
        tags=dims.tags,
    )


def admission_of(
    call: Call,
    ticket: Ticket,
    step: Next,
    number: int,
    budgets: Any,
    ttl: float,
    why: str = "",
    instead_of: str = "",
    cheaper: Mapping[str, Admission] | None = None,
) -> Admission:
    """The hold is a true upper bound: everything that is sent, and the output cap that is sent.

    `cheaper`: what budgets may admit in its place, by the name of the cheaper model.
    """
    dims, instead = ticket.dimensions, cheaper or {}
    hold = hold_of(ticket, ttl, {model: other.hold for model, other in instead.items()})
    if step.purpose is Purpose.HEDGE:  # with less than it asks for nobody is helped
        hold = replace(hold, output=None)
    return Admission(
        start=AttemptStart(
            id=ticket.id,
            request_id=call.request_id,
            job_id=call.job_id,
            number=number,
            purpose=_purpose(call, step),
            dimensions=dims,
            why=why,
            instead_of=instead_of,
            saved_tokens=ticket.saved_tokens,
        ),
        hold=hold,
        budgets=budgets,
        cheaper={model: other.start for model, other in instead.items()},
        owner=call.completion,
    )


def _purpose(call: Call, step: Next) -> str:
    """Evaluations and playgrounds pay for their own retries as such."""
    is_copy = step.purpose == Purpose.SHADOW
    return step.purpose if is_copy else call.caller.purpose or step.purpose


def hold_of(ticket: Ticket, ttl: float, cheaper: Mapping[str, HoldRequest]) -> HoldRequest:
    unpriced = HoldRequest(
        id=ticket.id,
        amount_pico=0,
        scope=scope_of(ticket.dimensions),
        ttl_seconds=ttl,
        priced=False,
        cheaper=cheaper,
    )
    try:
        top = ceiling_of(ticket)
    except Unpriced as error:
        return replace(unpriced, way_out=_way_out(ticket, error))
    amount, output = top.of(ticket.output_bound), _output_terms(ticket, top)
    return replace(unpriced, amount_pico=amount, priced=True, output=output)


def _way_out(ticket: Ticket, error: Unpriced) -> str:
    """What is missing, and what the caller, or who may add prices, can do."""
    name = ticket.deployment.slug
    if error.tier == DEFAULT_TIER:
        return f"{error} Have the price added to “{name}”."
    return f"{error} Ask for service_tier “{DEFAULT_TIER}”, or have the price added to “{name}”."


def _output_terms(ticket: Ticket, top: Ceiling) -> OutputTerms | None:
    """Input at its bound, and what one more token of the cap costs, in every choice."""
    if not ticket.output_bound:
        return None
    return OutputTerms(input_pico=top.base_pico, token_pico=ticket.choices * top.token_pico)


def ceiling_of(ticket: Ticket) -> Ceiling:
    """Raises `Unpriced`."""
    return ceiling(
        input_tokens=ticket.input_bound,
        answers=ticket.output_bound > 0,
        prices=ticket.prices,
        asked_tier=ticket.asked_tier,
        searches=ticket.deployment.searches_at_most,
    )
