"""What must be true of an answer before anybody relies on it.

The vendor package takes `null`, HTML, an answer without choices or a negative token count for an
answer. Here they become errors, before they can be cached, shown or charged.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from apps.providers import faults
from apps.providers.answer import Answer
from apps.providers.errors import ErrorKind, Outcome
from apps.providers.types import (
    ChatResult,
    Contested,
    EmbeddingRequest,
    EmbeddingResult,
    Endpoint,
    Reported,
    UsageConflict,
    decompose_openai_usage,
)
from apps.providers.usage import read_tier
from apps.registry.tiers import DEFAULT_TIER

NUMBERS = {int, float}


def read_usage(raw: Mapping[str, Any], *, tier_before: str | None = None) -> Reported:
    """The usage of an answer, or why there is none. An empty object says nothing. `tier_before`:
    the service tier that earlier events of the answer named."""
    said = raw.get("usage")
    if said is None or said == {}:
        return Reported(problem="missing")
    try:
        tier = read_tier(raw) or tier_before or DEFAULT_TIER
        return Reported(replace(decompose_openai_usage(said), service_tier=tier))
    except UsageConflict as conflict:
        return Reported(problem=str(conflict), contested=Contested(str(conflict), said))


def parse_object(answer: Answer, text: bytes) -> dict[str, Any]:
    """JSON, strictly: valid UTF-8, no NaN, no lone surrogates."""
    try:
        raw = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise answer.error(ErrorKind.BAD_RESPONSE, f"the answer is not JSON: {error}") from None
    if not isinstance(raw, dict):
        raise answer.error(ErrorKind.BAD_RESPONSE, "the answer is not a JSON object")
    return raw


def check_chat(answer: Answer, raw: dict[str, Any], endpoint: Endpoint) -> ChatResult:
    reported = _body_usage(answer, raw, endpoint)
    choices = raw.get("choices")
    if not isinstance(choices, list) or not choices:
        raise answer.error(ErrorKind.BAD_RESPONSE, "the answer has no choices")
    for choice in choices:
        _check_choice(answer, choice, endpoint)
    return ChatResult(
        message=choices[0]["message"],
        choices=tuple(choices),
        finish_reason=choices[0].get("finish_reason"),
        model=_model(raw, endpoint),
        usage=reported.usage,
        usage_problem=reported.problem,
        contested=reported.contested,
        provider_request_id=answer.request_id,
        raw=raw,
    )


def check_embeddings(
    answer: Answer, raw: dict[str, Any], endpoint: Endpoint, request: EmbeddingRequest
) -> EmbeddingResult:
    reported = _body_usage(answer, raw, endpoint)
    data = raw.get("data")
    if not isinstance(data, list) or len(data) != len(request.inputs):
        raise answer.error(ErrorKind.BAD_RESPONSE, "not one vector for each input")
    by_index = {item.get("index"): item for item in data if isinstance(item, dict)}
    ordered = tuple(by_index.get(index) or {} for index in range(len(data)))
    sizes = {_vector_size(item.get("embedding")) for item in ordered}
    if len(sizes) != 1 or 0 in sizes:
        raise answer.error(ErrorKind.BAD_RESPONSE, "missing, empty or uneven vectors")
    return EmbeddingResult(
        vectors=ordered,
        model=_model(raw, endpoint),
        usage=reported.usage,
        usage_problem=reported.problem,
        contested=reported.contested,
        provider_request_id=answer.request_id,
        raw=raw,
    )


def is_text(value: object) -> bool:
    return value is None or isinstance(value, str)


def is_object(value: object) -> bool:
    return value is None or isinstance(value, dict)


def are_calls(value: object, *, in_pieces: bool = False) -> bool:
    """Tool calls, or none. `in_pieces`: each says to which call it belongs."""
    if not isinstance(value, list):
        return value is None
    return all(
        isinstance(call, dict)
        and is_object(call.get("function"))
        and (not in_pieces or isinstance(call.get("index", 0), int))
        for call in value
    )


def _body_usage(answer: Answer, raw: dict[str, Any], endpoint: Endpoint) -> Reported:
    """Read usage first: a useless answer is charged for all the same."""
    answer.reported = read_usage(raw)
    if raw.get("error"):
        raise answer.failed(faults.from_event(raw["error"], endpoint))
    return answer.reported


def _check_choice(answer: Answer, choice: object, endpoint: Endpoint) -> None:
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise answer.error(ErrorKind.BAD_RESPONSE, "a choice has no message")
    if not is_text(message.get("content")) or not are_calls(message.get("tool_calls")):
        raise answer.error(ErrorKind.BAD_RESPONSE, "a message is malformed")
    if not isinstance(choice.get("index", 0), int) or not is_object(choice.get("logprobs")):
        raise answer.error(ErrorKind.BAD_RESPONSE, "a choice is malformed")
    finish = choice.get("finish_reason")
    if not is_text(finish):
        raise answer.error(ErrorKind.BAD_RESPONSE, "a finish reason is malformed")
    if finish is None and endpoint.finish_required:
        raise answer.error(
            ErrorKind.INCOMPLETE, "the answer has no finish reason", outcome=Outcome.BILLED
        )


def _model(raw: Mapping[str, Any], endpoint: Endpoint) -> str:
    model = raw.get("model")
    return model if isinstance(model, str) and model else endpoint.model


def _vector_size(vector: object) -> int:
    """Its length, 0 for what is no vector. Text is a vector in base64."""
    if isinstance(vector, str) or (isinstance(vector, list) and set(map(type, vector)) <= NUMBERS):
        return len(vector)
    return 0
