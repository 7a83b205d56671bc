"""When budgets have no room for a call: what may be sent instead, and what was decided.

What could be sent is worked out before the admission, so that the admission can decide in its own
transaction; afterwards the decision is applied to what is sent.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from apps.budgets.snapshot import matching
from apps.budgets.types import BudgetFacts, Held, Scope
from apps.gateway.config import Config
from apps.gateway.dispatch import endpoint_of
from apps.gateway.prepare import Prepared, prepare
from apps.gateway.tickets import Ticket, scope_of, ticket_for
from apps.gateway.types import Call, CallRefused
from apps.prompts.types import VersionNotLoaded
from apps.providers.errors import ProviderError
from apps.providers.types import Endpoint


@dataclass(frozen=True, slots=True)
class Way:
    """One way to send a call. `degraded` names what a budget made of it, "" when nothing."""

    ticket: Ticket
    prepared: Prepared
    endpoint: Endpoint
    degraded: str = ""


def cheaper_ways(call: Call, way: Way, *, config: Config, now: datetime) -> dict[str, Way]:
    """Cheaper model → how to send the call to it. They share the attempt's id: one is sent."""
    found = cheaper_tickets(call, way.ticket, way.prepared, config=config, now=now)
    ways = {}
    for model, (ticket, prepared) in found.items():
        with suppress(ProviderError):  # no credential: the budget refuses it
            ways[model] = Way(ticket, prepared, endpoint_of(ticket.deployment))
    return ways


def cheaper_tickets(
    call: Call, ticket: Ticket, prepared: Prepared, *, config: Config, now: datetime
) -> dict[str, tuple[Ticket, Prepared]]:
    """For every model that a budget of the call names and that is able to answer it."""
    scope = scope_of(ticket.dimensions)
    found = {
        model: _cheaper(call, ticket, prepared, model, config, now)
        for model in _named(matching(config.budgets, scope), scope)
    }
    return {model: pair for model, pair in found.items() if pair is not None}


def decided(way: Way, cheaper: Mapping[str, Way], held: Held) -> Way:
    """The way that was admitted; a shorter answer is bounded and sent as such."""
    if held.cheaper_model:
        return replace(cheaper[held.cheaper_model], degraded="cheaper_model")
    if held.output_cap is None:
        return way
    prepared = replace(way.prepared, output_cap=held.output_cap)
    ticket = replace(way.ticket, output_bound=prepared.output_bound)
    return replace(way, prepared=prepared, ticket=ticket, degraded="output_cap")


def _named(budgets: Iterable[BudgetFacts], scope: Scope) -> list[str]:
    names = (b.cheaper_model for b in budgets if b.hard and b.on_exceeded == "cheaper")
    return [name for name in dict.fromkeys(names) if name and name != scope.model]


def _cheaper(
    call: Call, ticket: Ticket, asked: Prepared, model: str, config: Config, now: datetime
) -> tuple[Ticket, Prepared] | None:
    """None when the model cannot answer this call: then the budget refuses it."""
    try:
        prepared = prepare(
            replace(call.spec, model=model),
            config=config,
            caller=call.caller,
            request_id=call.request_id,
            pin=asked.pin,
        )
    except (CallRefused, VersionNotLoaded):
        return None
    instead = ticket_for(call, prepared, prepared.candidates[0], now)
    return replace(instead, id=ticket.id), prepared
