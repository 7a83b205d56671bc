"""Answers of similar questions: only for prompts whose author chose it (docs/cache.md).

Everything but the wording of one variable must be equal: tenant, prompt version, parameters, all
other variables, and the words of the question that a vector does not tell apart. Its vector comes
through the pipeline as a call of its own, held, booked and cached as any; when that fails, nothing
is similar.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog

from apps.cache.answers import AnswerCache
from apps.cache.exact_words import exact_words
from apps.cache.keys import request_key, source_of
from apps.cache.questions import shelf_of
from apps.cache.types import Lookup, Question, Similar
from apps.cache.vectors import normed
from apps.core.clock import now as clock_now
from apps.gateway.cached import shape_of
from apps.gateway.config import Config
from apps.gateway.prepare import Prepared
from apps.gateway.types import Call, CallKind, CallOutcome, CallRefused, CallSpec
from apps.ledger.models import Purpose

log = structlog.get_logger(__name__)
SECONDS = 2.0  # for the vector at most: the answer itself still has to be made in time

Ask = Callable[[Call], Awaitable[CallOutcome]]


async def similar(
    call: Call, prepared: Prepared, found: Lookup, *, cache: AnswerCache, ask: Ask, config: Config
) -> Lookup:
    """The lookup of a similar question's fresh answer; else `found`, with the question when one
    could be made of the call. `ask` runs a call through the pipeline."""
    choice = found.request.lifetime.similar
    text = _text(prepared, choice) if choice is not None and found.generations else ""
    if choice is None or not text:
        return found
    try:
        outcome = await ask(_embedding_of(call, text, choice.model))
        question = _question(prepared, found, choice, text, outcome, config)
    except (CallRefused, LookupError, TypeError, ValueError) as error:
        log.info("cache_no_vector", request_id=call.request_id, error=str(error))
        return found
    return await cache.similar(found, question, choice.at_least)


def _text(prepared: Prepared, choice: Similar) -> str:
    """The question; empty when there is none, when it is personal in this version of the prompt, or
    when something was left out so that it fits."""
    version = prepared.version
    if version is None or prepared.fit is not None:
        return ""
    names = (v.name for v in version.variables if v.type == "string" and v.sensitivity == "none")
    value = prepared.spec.variables.get(choice.variable) if choice.variable in names else ""
    return value.strip() if isinstance(value, str) else ""


def _embedding_of(call: Call, text: str, model: str) -> Call:
    """For the same caller, under the same tags and in the same regions."""
    return Call(
        spec=CallSpec(
            kind=CallKind.EMBEDDING,
            model=model,
            inputs=(text,),
            context=call.spec.context,
            region=call.spec.region,
        ),
        caller=replace(
            call.caller, purpose=call.caller.purpose or Purpose.SIMILAR, fallback_answer=""
        ),
        request_id=f"{call.request_id[:110]}-similar",
        deadline=min(call.deadline, clock_now() + timedelta(seconds=SECONDS)),
        may_send=call.may_send,
    )


def _question(
    prepared: Prepared,
    found: Lookup,
    choice: Similar,
    text: str,
    outcome: CallOutcome,
    config: Config,
) -> Question:
    """Raises `LookupError`, `TypeError` or `ValueError` for what is no vector of the model."""
    if outcome.model != choice.model:
        raise ValueError(f"“{outcome.model}” answered for “{choice.model}”")
    shape = {
        **_shape_without(prepared, choice.variable),
        "question": choice.variable,
        "words": exact_words(text),
        "vectors": source_of(config.registry.deployments[outcome.deployment]),
    }
    digest = request_key(tenant=found.request.tenant, shape=shape)
    vector = normed(outcome.body["data"][0]["embedding"])
    return Question(shelf_of(found.request.tenant, digest), vector)


def _shape_without(prepared: Prepared, variable: str) -> Mapping[str, Any]:
    """All that shapes the output but the question: the version and the other variables stand for
    the messages that were rendered of them."""
    others = {name: v for name, v in prepared.spec.variables.items() if name != variable}
    return {
        **shape_of(prepared),
        "messages": (),
        "variables": others,
        "tags": sorted(set(prepared.spec.context)),
        "arm": prepared.pin.arm if prepared.pin else "",
    }
