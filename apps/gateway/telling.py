"""What logs and metrics are told of a call that has ended."""

import structlog

from apps.core.money import exact_usd
from apps.gateway import metrics
from apps.gateway.config import Config
from apps.gateway.types import Call, CallOutcome, CallRefused

log = structlog.get_logger(__name__)


def tell_outcome(call: Call, outcome: CallOutcome, seconds: float) -> None:
    metrics.observe_outcome(call.caller.service, outcome, seconds)
    log.info(
        "call",
        request_id=call.request_id,
        job_id=str(call.job_id or ""),
        service=call.caller.service,
        model=outcome.model,
        deployment=outcome.deployment,
        cache=outcome.cache,
        attempts=outcome.attempts,
        input_tokens=outcome.input_tokens,
        output_tokens=outcome.output_tokens,
        cost_usd=exact_usd(outcome.cost_pico),
        ms=int(seconds * 1000),
    )


def tell_refusal(call: Call, refusal: CallRefused, seconds: float, config: Config) -> None:
    asked = call.spec.model
    model = asked if asked in config.registry.models or asked in config.routes else ""
    metrics.observe_refusal(call.caller.service, model, refusal, seconds)
    log.info(
        "call_refused",
        request_id=call.request_id,
        job_id=str(call.job_id or ""),
        service=call.caller.service,
        code=refusal.code,
        ms=int(seconds * 1000),
    )
