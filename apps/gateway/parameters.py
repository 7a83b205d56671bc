"""What a request may contain: one JSON Schema for each part (`shapes`), every fault at once.

Names and ranges are those of the OpenAI API. Nothing that names an address, a key or a header is
among them: where a call goes is decided by the registry alone. A parameter that is not among them
is for the deployment to allow (`Deployment.extra_parameters`).
"""

from collections.abc import Iterable, Mapping
from typing import Any

import jsonschema_rs

from apps.core.faults import Fault
from apps.core.json_schema import BadSchema, errors_of, schema_validator
from apps.gateway.shapes import CHAT_PARAMETERS, EMBEDDING_PARAMETERS, EXPLAINED, MESSAGE, REFUSED

MOST_UNKNOWN = 100  # told of one request, so that a flood of names holds nobody up
CHAT_NAMES = frozenset(CHAT_PARAMETERS) | frozenset(REFUSED)
EMBEDDING_NAMES = frozenset(EMBEDDING_PARAMETERS)


def _validator(schema: Mapping[str, Any]) -> "jsonschema_rs.Validator":
    return jsonschema_rs.validator_for(dict(schema))


_chat = _validator({"type": "object", "properties": CHAT_PARAMETERS})
_embedding = _validator({"type": "object", "properties": EMBEDDING_PARAMETERS})
_messages = _validator({"type": "array", "items": MESSAGE, "minItems": 1, "maxItems": 2048})
_texts = _validator(
    {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1, "maxItems": 2048}
)
_TOKENS = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1}
_tokens = _validator({"type": "array", "items": _TOKENS, "minItems": 1, "maxItems": 2048})


def chat_faults(parameters: Mapping[str, Any]) -> list[Fault]:
    """Faults of the known parameters; unknown ones are the deployment's to judge."""
    faults = _faults(_chat, dict(parameters), "/parameters")
    faults += [
        Fault(f"/parameters/{name}", reason, "unsupported")
        for name, reason in REFUSED.items()
        if parameters.get(name) is not None
    ]
    if parameters.get("top_logprobs") is not None and not parameters.get("logprobs"):
        faults.append(Fault("/parameters/top_logprobs", "Needs logprobs to be true.", "invalid"))
    return faults


def embedding_faults(parameters: Mapping[str, Any]) -> list[Fault]:
    return _faults(_embedding, dict(parameters), "/parameters")


def extra_faults(
    parameters: Iterable[str], known: frozenset[str], allowed: Iterable[str]
) -> list[Fault]:
    """A fault for each parameter that is neither known nor allowed; the last says what is known."""
    unknown = sorted(set(parameters) - known - set(allowed))[:MOST_UNKNOWN]
    names = ", ".join(sorted(known - set(REFUSED)))
    says = [f"Unknown parameter “{name[:100]}”" for name in unknown]
    ends = ["."] * (len(unknown) - 1) + [f"; known are {names}."]
    return [
        Fault(f"/parameters/{name[:100]}", said + end, "unknown_field")
        for name, said, end in zip(unknown, says, ends, strict=False)
    ]


def message_faults(messages: tuple[Mapping[str, Any], ...]) -> list[Fault]:
    return _faults(_messages, [dict(message) for message in messages], "/messages")


def input_faults(inputs: tuple[Any, ...]) -> list[Fault]:
    """Texts, or lists of token ids; not both in one request."""
    are_tokens = bool(inputs) and isinstance(inputs[0], list | tuple)
    return _faults(_tokens if are_tokens else _texts, list(inputs), "/input")


def schema_faults(schema: Mapping[str, Any]) -> list[Fault]:
    """Whether `schema` is a JSON Schema at all, and needs nothing from elsewhere."""
    try:
        schema_validator(schema, linear=False)
    except BadSchema as error:
        return [Fault("/response_schema", str(error), "bad_schema")]
    return []


def _faults(validator: "jsonschema_rs.Validator", value: Any, root: str) -> list[Fault]:
    return [
        Fault("/".join([root, *map(str, error.instance_path)]), _said(error), "invalid")
        for error in errors_of(validator, value)
    ]


def _said(error: "jsonschema_rs.ValidationError") -> str:
    name = str(next(iter(error.instance_path), ""))
    return EXPLAINED.get(name) or _short(error)


def _short(error: Exception) -> str:
    """The first line, bounded: a message must not repeat a megabyte of the caller's value."""
    text = getattr(error, "message", str(error)).splitlines()[0]
    return text if len(text) <= 300 else f"{text[:300]}…"
