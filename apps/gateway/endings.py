"""Stage 8, after: what an attempt used, by how it ended, and so what is booked for it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Self

from apps.gateway.accounts import Settlement
from apps.gateway.answers import Answer
from apps.gateway.assembler import Assembler
from apps.gateway.flaws import flaw_of
from apps.gateway.prepare import Prepared
from apps.gateway.tickets import Ticket
from apps.gateway.types import CacheMode, CacheState, CallOutcome, FitReport, Pin
from apps.ledger.ceilings import at_bound, dearest_tier
from apps.ledger.types import AttemptEnd, BookingKind, UsageReport
from apps.providers.errors import ErrorKind, Outcome, ProviderError
from apps.providers.types import Contested, Usage


@dataclass(frozen=True, slots=True)
class Shown:
    """What an outcome tells of how its call was prepared."""

    cache: CacheState
    pin: Pin | None = None
    fit: FitReport | None = None

    @classmethod
    def of(cls, prepared: Prepared) -> Self:
        is_bypass = prepared.spec.cache is CacheMode.BYPASS
        state = CacheState.BYPASS if is_bypass else CacheState.MISS
        return cls(state, prepared.pin, prepared.fit)


def outcome_of(
    ticket: Ticket, answer: Answer, *, shown: Shown, attempts: int, degraded: str = ""
) -> CallOutcome:
    """What a call's owner gets; its cost is known when it is settled."""
    usage = answer.usage
    return CallOutcome(
        body=answer.body,
        text=answer.text,
        finish_reason=answer.finish_reason,
        input_tokens=usage.input_total if usage else 0,
        output_tokens=usage.output_total if usage else 0,
        usage=usage.counts if usage else {},
        cost_pico=0,
        avoided_pico=0,
        model=ticket.dimensions.model,
        deployment=ticket.dimensions.deployment,
        cache=shown.cache,
        attempts=attempts,
        pin=shown.pin,
        fit=shown.fit,
        degraded=degraded,
    )


def end_of_answer(
    ticket: Ticket, answer: Answer, parameters: Mapping[str, Any] = MappingProxyType({})
) -> AttemptEnd:
    """A charge from the provider's usage; without any an estimate from the bounds; usage that
    contradicts itself is booked at the bound, for finance to resolve. `parameters` are those that
    were sent: they say what form the answer should have."""
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
        flaw=flaw_of(answer, parameters),
    )


def end_of_outrun(ticket: Ticket, answer: Answer) -> AttemptEnd:
    """An answer that came when another attempt's was the call's already: paid for all the same."""
    error = "Another attempt of the same call answered first."
    return replace(end_of_answer(ticket, answer), error_kind=ErrorKind.OUTRUN, error=error)


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
