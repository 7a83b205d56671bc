"""Stage 8: one attempt = one hold, one row, one HTTP request, one resolution.

The hold and the row are committed before a byte is sent. From then on the attempt runs in a task of
its own that a caller who goes away cannot cancel, so that exactly one resolution follows.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from uuid import UUID

from apps.budgets.types import HoldRequest, OutputTerms, Scope
from apps.core.ids import uuid7
from apps.gateway import bounds
from apps.gateway.accounts import Admission, Settlement
from apps.gateway.answers import Answer, from_chat, from_embedding
from apps.gateway.assembler import Assembler, says_something
from apps.gateway.prepare import Prepared
from apps.gateway.retry import Next
from apps.gateway.types import Call, CallKind, always
from apps.ledger.ceilings import Ceiling, at_bound, ceiling, dearest_tier
from apps.ledger.models import Purpose
from apps.ledger.pricing import Unpriced
from apps.ledger.types import AttemptEnd, AttemptStart, BookingKind, Dimensions, UsageReport
from apps.providers.adapters import get_adapter
from apps.providers.errors import ErrorKind, Outcome, ProviderError
from apps.providers.types import ChatRequest, Contested, EmbeddingRequest, Endpoint, Usage
from apps.registry.secrets import SecretMissing, resolve_secret
from apps.registry.tiers import DEFAULT_TIER
from apps.registry.types import DeploymentFacts, PriceRow

# Passes a chunk of a stream on; must not raise when the client has gone.
Emit = Callable[[Mapping[str, Any]], Awaitable[None]]
T = TypeVar("T")


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


def dimensions_of(call: Call, prepared: Prepared, deployment: DeploymentFacts) -> Dimensions:
    """Whose call it is and of what, as it will stand in the books."""
    pin = prepared.pin
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
        tags=call.spec.context,
    )


def ticket_for(call: Call, prepared: Prepared, deployment: DeploymentFacts, now: Any) -> Ticket:
    return Ticket(
        id=uuid7(),
        deployment=deployment,
        dimensions=dimensions_of(call, prepared, deployment),
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
    cheaper: Mapping[str, Admission] | None = None,
) -> Admission:
    """The hold is a true upper bound: everything that is sent, and the output cap that is sent.

    `cheaper`: what budgets may admit in its place, by the name of the cheaper model.
    """
    dims, instead = ticket.dimensions, cheaper or {}
    return Admission(
        start=AttemptStart(
            id=ticket.id,
            request_id=call.request_id,
            job_id=call.job_id,
            number=number,
            purpose=_purpose(call, step),
            dimensions=dims,
            why=why,
            saved_tokens=ticket.saved_tokens,
        ),
        hold=hold_of(ticket, ttl, {model: other.hold for model, other in instead.items()}),
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


def endpoint_of(deployment: DeploymentFacts) -> Endpoint:
    """Where to send it. Raises `ProviderError` (kind `auth`) when the credential is missing."""
    try:
        key = resolve_secret(deployment.secret_ref)
    except SecretMissing as error:
        raise ProviderError(ErrorKind.AUTH, str(error)) from error
    return Endpoint(
        deployment=deployment.slug,
        vendor=deployment.vendor,
        base_url=deployment.base_url,
        api_key=key,
        model=deployment.upstream_name,
        api_version=deployment.api_version,
        connect_timeout=deployment.connect_timeout,
        read_timeout=deployment.read_timeout,
        finish_required=deployment.finish_required,
    )


async def dispatch(
    prepared: Prepared,
    endpoint: Endpoint,
    *,
    timeout: float,
    emit: Emit | None,
    seen: Assembler,
    may_send: Callable[[], bool] = always,
) -> Answer:
    """Send it, once. What a stream has said so far stands in `seen`, also when it breaks.

    Raises `ProviderError`; one that comes after the first chunk was passed on can be neither
    retried nor answered by another.
    """
    if timeout <= 0:
        raise ProviderError(
            ErrorKind.TIMEOUT_BEFORE_SEND, "The deadline passed before it was sent."
        )
    if not may_send():
        raise ProviderError(ErrorKind.LEASE_OVER, "Another worker may own the job by now.")
    adapter = get_adapter(endpoint.vendor)
    if prepared.spec.kind is CallKind.EMBEDDING:
        inputs = tuple(i if isinstance(i, str) else tuple(i) for i in prepared.spec.inputs)
        request = EmbeddingRequest(inputs, prepared.parameters, timeout)  # type: ignore[arg-type]
        return from_embedding(await adapter.embed(endpoint, request))
    chat = ChatRequest(
        messages=prepared.messages,
        parameters=_capped(prepared, endpoint),
        stream=emit is not None,
        timeout=timeout,
    )
    if emit is None:
        return from_chat(await adapter.chat(endpoint, chat))
    return await _stream(adapter.stream(endpoint, chat), emit, seen)


async def _stream(chunks: Any, emit: Emit, seen: Assembler) -> Answer:
    """Chunks that say nothing yet (the role, no text) wait for the first that does: until then
    another deployment can still answer."""
    started, first_token_ms = time.monotonic(), None
    waiting: list[Mapping[str, Any]] = []
    try:
        async for chunk in chunks:
            seen.add(chunk)
            if not chunk.raw.get("choices"):
                continue
            waiting.append(chunk.raw)
            if first_token_ms is None and not says_something(chunk.raw):
                continue
            if first_token_ms is None:
                first_token_ms = int((time.monotonic() - started) * 1000)
            for raw in waiting:
                await emit(raw)
            waiting.clear()
    except ProviderError as error:
        if first_token_ms is not None:
            error.retryable = error.fallback = False
        raise
    return seen.answer(first_token_ms=first_token_ms)


def _capped(prepared: Prepared, endpoint: Endpoint) -> Mapping[str, Any]:
    """The output cap is always sent. Its name is the caller's own, else the vendor's newest."""
    if endpoint.vendor != "compatible":
        name = prepared.cap_name or "max_completion_tokens"
        return {**prepared.parameters, name: prepared.output_cap}
    # Several such servers know only the old name, and would ignore the new one: no cap at all.
    return {**prepared.parameters, "max_tokens": prepared.output_cap}


def end_of_answer(ticket: Ticket, answer: Answer) -> AttemptEnd:
    """A charge from the provider's usage; without any an estimate from the bounds; usage that
    contradicts itself is booked at the bound, for finance to resolve."""
    usage, kind = _usage_of_answer(ticket, answer)
    return AttemptEnd(
        attempt_id=ticket.id,
        status="succeeded",
        usage=usage,
        prices=ticket.prices,
        kind=kind,
        http_status=200,
        error=answer.usage_problem[:500],
        provider_request_id=answer.provider_request_id,
        first_token_ms=answer.first_token_ms,
    )


def _usage_of_answer(ticket: Ticket, answer: Answer) -> tuple[UsageReport, BookingKind]:
    if answer.contested:
        return _contested(ticket, answer.contested), "conflict"
    if answer.usage:
        return _report(answer.usage), "charge"
    said = len(str(answer.body.get("choices", "")).encode())
    return _estimate(ticket, min(said, ticket.output_bound)), "estimate"


def settlement_of_error(ticket: Ticket, error: ProviderError, seen: Assembler) -> Settlement:
    """What a failed attempt costs, by its outcome (finance table in ARCHITECTURE.md)."""
    usage, kind, status = None, None, "failed"
    billed = error.usage or seen.usage
    contested = error.contested or seen.contested
    if contested:
        usage, kind = _contested(ticket, contested), "conflict"
    elif error.outcome is Outcome.BILLED or (seen.usage and error.outcome is Outcome.UNKNOWN):
        usage = _report(billed) if billed else _estimate(ticket, ticket.output_bound)
        kind = "charge" if billed else "estimate"
    elif error.outcome is Outcome.UNKNOWN:
        usage, kind, status = (
            _estimate(ticket, min(seen.size, ticket.output_bound)),
            "estimate",
            "unknown",
        )
    return Settlement(
        end=AttemptEnd(
            attempt_id=ticket.id,
            status=status,  # type: ignore[arg-type]
            usage=usage,
            prices=ticket.prices,
            kind=kind,  # type: ignore[arg-type]
            http_status=error.status,
            error_kind=error.kind,
            error=error.message[:500],
            provider_request_id=error.provider_request_id,
        ),
        unknown=status == "unknown",
    )


def _report(usage: Usage) -> UsageReport:
    return UsageReport(
        counts=usage.counts,
        input_total=usage.input_total,
        output_total=usage.output_total,
        source="provider",
        raw=usage.raw,
        service_tier=usage.service_tier,
    )


def _contested(ticket: Ticket, contested: Contested) -> UsageReport:
    """What was held, so that nothing is left out, with what the provider said beside it."""
    total_in, total_out = ticket.input_bound, ticket.output_bound
    counts, tier = at_bound(
        input_tokens=total_in,
        output_tokens=total_out,
        prices=ticket.prices,
        asked_tier=ticket.asked_tier,
        searches=ticket.deployment.searches_at_most,
    )
    raw = {"contested": contested.raw}
    return UsageReport(counts, total_in, total_out, "bound", raw, contested.problem, tier)


def _estimate(ticket: Ticket, output: int) -> UsageReport:
    counts = {"in_uncached": ticket.input_bound, "out_text": output}
    counts = {name: count for name, count in counts.items() if count}
    tier = dearest_tier(counts=counts, prices=ticket.prices, asked_tier=ticket.asked_tier)
    return UsageReport(counts, ticket.input_bound, output, "bound", None, service_tier=tier)
