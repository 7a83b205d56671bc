"""The batch lane: the same stages for a call that goes to a provider in a file, with others, and
whose answer comes hours later.

Stages 2 to 4 and 7 are the pipeline's own; there is no rate limit, as a provider counts its batches
apart, and no look into the cache. What is held and booked goes through the same two commits.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Self
from uuid import UUID

from apps.gateway import refusals
from apps.gateway.accounts import Admission, Settlement
from apps.gateway.answers import from_chat
from apps.gateway.assembler import Assembler
from apps.gateway.config import Config
from apps.gateway.deciding import decide
from apps.gateway.dispatch import chat_request, endpoint_of
from apps.gateway.endings import Shown, end_of_answer, outcome_of, settlement_of_error
from apps.gateway.guards import guard_input, guard_output
from apps.gateway.prepare import Prepared, prepare
from apps.gateway.retry import Next
from apps.gateway.tickets import Ticket, admission_of, ceiling_of, ticket_for
from apps.gateway.types import CacheMode, CacheState, Call, CallKind, CallSpec, FitReport, Pin
from apps.ledger.ceilings import UNDECIDED
from apps.ledger.models import Purpose
from apps.ledger.pricing import Unpriced
from apps.ledger.types import Dimensions
from apps.prompts.snapshot import load_version
from apps.prompts.types import VersionNotLoaded
from apps.providers.batch_results import BATCH_TIER, answer_of
from apps.providers.batches import request_line
from apps.providers.errors import ProviderError
from apps.providers.types import Endpoint
from apps.registry.tiers import DEFAULT_TIER
from apps.registry.types import DeploymentFacts
from apps.routing.loads import Loads
from apps.routing.strategies import Router

VENDORS = ("openai", "compatible")
"""Whose Batch API is spoken."""
WHY = "it may wait: the provider's batch lane"


@dataclass(frozen=True, slots=True)
class Line:
    """A call that is ready to go into a file."""

    call: Call
    ticket: Ticket
    text: str
    terms: "Terms"


@dataclass(frozen=True, slots=True)
class Terms:
    """What is kept of a line until its answer comes: what was held for, and what is shown."""

    input_bound: int
    output_bound: int
    choices: int
    cache: str
    left_out: tuple[str, ...] = ()
    saved_tokens: int = 0

    @classmethod
    def of(cls, ticket: Ticket, prepared: Prepared) -> Self:
        fit = prepared.fit
        return cls(
            input_bound=ticket.input_bound,
            output_bound=ticket.output_bound,
            choices=ticket.choices,
            cache=Shown.of(prepared).cache.value,
            left_out=fit.left_out if fit else (),
            saved_tokens=fit.saved_tokens if fit else 0,
        )

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        return cls(**{**stored, "left_out": tuple(stored["left_out"])})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def shown(self, pin: Pin | None) -> Shown:
        fit = FitReport(self.left_out, self.saved_tokens) if self.left_out else None
        return Shown(CacheState(self.cache), pin, fit)


def may_take(spec: CallSpec, deployment: DeploymentFacts, asked_tier: str) -> bool:
    """Whether such a call could go through this deployment's lane, its price aside."""
    return (
        deployment.batch_lane
        and deployment.vendor in VENDORS
        and spec.kind is CallKind.CHAT
        and spec.cache is not CacheMode.ONLY
        and asked_tier in UNDECIDED | {DEFAULT_TIER}
    )


def line_of(call: Call, *, config: Config, now: datetime) -> Line | None:
    """None when the lane is not for it: it then goes the normal way. Raises `CallRefused`."""
    prepared = _prepared(call, config)
    refusals.refuse_if_blocked(guard_input(prepared).blocked)
    router, loads = Router(loads=Loads()), Loads()
    decision = decide(prepared, config=config, router=router, loads=loads, now=now, rehearse=True)
    for deployment in decision.deployments:
        line = _line(call, prepared, deployment, now)
        if line is not None:
            return line
    return None


def admission_to_lane(line: Line, *, config: Config, ttl: float, due_at: datetime) -> Admission:
    """As any attempt's, except that it is not shortened nor sent to a cheaper model: when budgets
    have no room for it as it is, it goes the normal way, where they decide."""
    step = Next(line.ticket.deployment, Purpose.ANSWER, 0)
    admission = admission_of(line.call, line.ticket, step, 1, config.budgets, ttl, WHY)
    return replace(
        admission,
        start=replace(admission.start, due_at=due_at),
        hold=replace(admission.hold, output=None),
    )


def ticket_again(
    attempt_id: UUID, terms: Terms, deployment: DeploymentFacts, *, held_at: datetime
) -> Ticket:
    """The ticket of a line whose answer has come, at the prices of when it was held. Whose call it
    was stands with its attempt, and is not asked for any more."""
    return Ticket(
        id=attempt_id,
        deployment=deployment,
        dimensions=Dimensions(
            service="",
            team="",
            cost_center="",
            provider=deployment.provider,
            model=deployment.model.slug,
            deployment=deployment.slug,
        ),
        prices=deployment.prices_at(held_at),
        asked_tier=BATCH_TIER,
        input_bound=terms.input_bound,
        output_bound=terms.output_bound,
        choices=terms.choices,
        saved_tokens=terms.saved_tokens,
    )


def settlement_of_line(
    ticket: Ticket, line: Mapping[str, Any], *, endpoint: Endpoint, shown: Shown, completion: Any
) -> tuple[Settlement, str]:
    """What the books and the job get of a line of results. Without an outcome the job goes on,
    unless its answer was blocked, for the reason that is given too."""
    try:
        answer = from_chat(answer_of(line, endpoint))
    except ProviderError as error:
        return settlement_of_error(ticket, error, Assembler()), ""
    outcome = outcome_of(ticket, answer, shown=shown, attempts=1)
    blocked = guard_output(outcome).blocked
    settlement = Settlement(
        end=end_of_answer(ticket, answer),
        outcome=None if blocked else outcome,
        completion=completion,
    )
    return settlement, blocked


def settlement_without_line(ticket: Ticket, error: ProviderError) -> Settlement:
    """Of a request that has no result (yet): the error says what it may have cost."""
    return settlement_of_error(ticket, error, Assembler())


def _prepared(call: Call, config: Config) -> Prepared:
    resolve = partial(
        prepare,
        call.spec,
        config=config,
        caller=call.caller,
        request_id=call.request_id,
        pin=call.pin,
    )
    try:
        return resolve()
    except VersionNotLoaded as missing:
        load_version(missing.version_id)
        return resolve()


def _line(
    call: Call, prepared: Prepared, deployment: DeploymentFacts, now: datetime
) -> Line | None:
    if not may_take(prepared.spec, deployment, prepared.asked_tier):
        return None
    parameters = {k: v for k, v in prepared.parameters.items() if k != "service_tier"}
    fitted = replace(prepared.fitted(deployment), parameters=parameters)
    ticket = replace(ticket_for(call, fitted, deployment, now), asked_tier=BATCH_TIER)
    try:
        ceiling_of(ticket)
        endpoint = endpoint_of(deployment)
    except (Unpriced, ProviderError):  # no price of the lane, no credential
        return None
    request = chat_request(fitted, endpoint, stream=False, timeout=0)
    text = request_line(endpoint, str(ticket.id), request)
    return Line(call, ticket, text, Terms.of(ticket, fitted))
