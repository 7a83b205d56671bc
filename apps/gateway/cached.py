"""Between a call and the response cache: what is looked for, what may be kept, what is given."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from django.conf import settings

from apps.cache.keys import request_key, scopes_of, source_of
from apps.cache.types import CachedAnswer, CacheRequest, Lifetime
from apps.gateway.config import Config
from apps.gateway.dispatch import Emit
from apps.gateway.prepare import Prepared
from apps.gateway.types import CacheState, Call, CallOutcome, CallRefused, CallSpec

POLICY_VERSION = 0  # until the safety app has versions of its own
_WHOLE = {"stop", "length", "tool_calls"}  # nothing filtered or broken off

# What of a request is in the key in its resolved form, or shapes no answer. A field that is not
# named here is part of the key as it stands, so a new one can never be forgotten.
RESOLVED = {
    "messages",
    "parameters",
    "response_schema",  # a parameter by now
    "prompt",
    "variables",
    "channel",
    "version",
    "subject",  # chose the version
}
SHAPES_NOTHING = {"metadata", "cache", "context"}

# refusals of one caller
_LEADERS_OWN = {"outcome_unknown", "deadline_exceeded", "cancelled", "superseded", "lease_over"}
ALL_DEAD = {"no_deployment", "provider_failed"}  # refusals that an answer past its time may replace


class Emission:
    """Passes chunks on, and knows whether one was: from then on nothing can stand in."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self.begun = False

    async def __call__(self, chunk: Mapping[str, Any]) -> None:
        self.begun = True
        await self._emit(chunk)


def cache_request(prepared: Prepared, config: Config) -> CacheRequest:
    """What the cache is asked for this call."""
    tenant, prompt = prepared.caller.service, prepared.version.prompt if prepared.version else ""
    tags = sorted(set(prepared.spec.context))
    key = request_key(tenant=tenant, shape={**shape_of(prepared), "tags": tags})
    pool = prepared.pool
    able = (option.deployment.model.slug for option in (*pool.options, *pool.stand_ins))
    models = {prepared.spec.model, *able}
    scopes = scopes_of(tenant=tenant, key=key, tags=tags, prompt=prompt, models=models)
    default = Lifetime(ttl=settings.CACHE_TTL_SECONDS)
    return CacheRequest(
        tenant=tenant,
        key=key,
        scopes=scopes,
        epoch=config.cache.epoch(tenant),
        lifetime=config.cache.lifetime(prompt=prompt, service=tenant, default=default),
        accepts=lambda answer: _unchanged(answer, config),
    )


def shape_of(prepared: Prepared) -> Mapping[str, Any]:
    """Everything that shapes the output."""
    spec, version = prepared.spec, prepared.version
    rest = {f.name for f in fields(CallSpec)} - RESOLVED - SHAPES_NOTHING
    return {
        "request": {name: getattr(spec, name) for name in rest},
        "messages": prepared.messages,
        "parameters": prepared.parameters,
        "output_cap": prepared.output_cap,
        "prompt": [version.prompt, version.content_hash] if version else [],
        "policy": POLICY_VERSION,
    }


def _unchanged(answer: CachedAnswer, config: Config) -> bool:
    """Whether its deployment and model are as they were. What is switched off for a while still
    counts: its answers are as good as before."""
    deployment = config.registry.deployments.get(answer.deployment)
    return deployment is not None and source_of(deployment) == answer.source


def answer_to_keep(outcome: CallOutcome, config: Config) -> CachedAnswer | None:
    """What of a call may be given to equal requests: a whole answer to what was asked, in every
    choice. None for one that a budget made cheaper, that was filtered, or that has no end."""
    deployment = config.registry.deployments.get(outcome.deployment)
    ends = [choice.get("finish_reason") for choice in outcome.body.get("choices") or ()]
    if deployment is None or outcome.degraded or {outcome.finish_reason, *ends} - _WHOLE:
        return None
    return CachedAnswer(
        body=outcome.body,
        text=outcome.text,
        finish_reason=outcome.finish_reason,
        input_tokens=outcome.input_tokens,
        output_tokens=outcome.output_tokens,
        usage=outcome.usage,
        cost_pico=outcome.cost_pico,
        provider=deployment.provider,
        model=outcome.model,
        deployment=outcome.deployment,
        source=source_of(deployment),
    )


def stands_in(call: Call, refusal: CallRefused) -> bool:
    """Whether a stale answer, where its rule allows one, is better than this refusal. A job waits
    for its deadline instead."""
    return refusal.code in ALL_DEAD and call.job_id is None


def concerns_all(error: Exception) -> bool:
    """Whether an equal call of somebody else would have been refused too."""
    return isinstance(error, CallRefused) and error.code not in _LEADERS_OWN


def outcome_of_hit(
    hit: CachedAnswer, state: CacheState, prepared: Prepared, likeness: float = 0.0
) -> CallOutcome:
    """The answer again, at no cost."""
    return CallOutcome(
        body=hit.body,
        text=hit.text,
        finish_reason=hit.finish_reason,
        input_tokens=hit.input_tokens,
        output_tokens=hit.output_tokens,
        usage=hit.usage,
        cost_pico=0,
        avoided_pico=hit.cost_pico,
        model=hit.model,
        deployment=hit.deployment,
        cache=state,
        attempts=0,
        pin=prepared.pin,
        fit=prepared.fit,
        likeness=likeness,
    )
