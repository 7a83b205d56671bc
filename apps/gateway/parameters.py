"""What a request may contain: one JSON Schema for each part, every fault at once.

Names and ranges are those of the OpenAI API. Nothing that names an address, a key or a header is
among them: where a call goes is decided by the registry alone.
"""

from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from apps.core.problems import Fault

_STRING_OR_LIST = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 4},
    ]
}
_CHAT_PARAMETERS: dict[str, Any] = {
    "temperature": {"type": "number", "minimum": 0, "maximum": 2},
    "top_p": {"type": "number", "minimum": 0, "maximum": 1},
    "n": {"type": "integer", "minimum": 1, "maximum": 16},
    "max_tokens": {"type": "integer", "minimum": 1},
    "max_completion_tokens": {"type": "integer", "minimum": 1},
    "stop": _STRING_OR_LIST,
    "seed": {"type": "integer"},
    "presence_penalty": {"type": "number", "minimum": -2, "maximum": 2},
    "frequency_penalty": {"type": "number", "minimum": -2, "maximum": 2},
    "logit_bias": {"type": "object", "additionalProperties": {"type": "number"}},
    "logprobs": {"type": "boolean"},
    "top_logprobs": {"type": "integer", "minimum": 0, "maximum": 20},
    "response_format": {
        "type": "object",
        "properties": {"type": {"enum": ["text", "json_object", "json_schema"]}},
        "required": ["type"],
    },
    "tools": {"type": "array", "items": {"type": "object"}, "maxItems": 128},
    "tool_choice": {"type": ["string", "object"]},
    "parallel_tool_calls": {"type": "boolean"},
    "reasoning_effort": {"enum": ["none", "minimal", "low", "medium", "high"]},
    "user": {"type": "string", "maxLength": 512},
}
_EMBEDDING_PARAMETERS: dict[str, Any] = {
    "dimensions": {"type": "integer", "minimum": 1, "maximum": 16384},
    "encoding_format": {"enum": ["float", "base64"]},
    "user": {"type": "string", "maxLength": 512},
}
_MESSAGE = {
    "type": "object",
    "properties": {
        "role": {"enum": ["system", "developer", "user", "assistant", "tool"]},
        "content": {"type": ["string", "array", "null"], "items": {"type": "object"}},
        "name": {"type": "string"},
        "tool_calls": {"type": "array"},
        "tool_call_id": {"type": "string"},
        "refusal": {"type": ["string", "null"]},
    },
    "required": ["role"],
    "additionalProperties": False,
}
_INPUT = {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "minItems": 1}]}

CHAT_NAMES = frozenset(_CHAT_PARAMETERS)
EMBEDDING_NAMES = frozenset(_EMBEDDING_PARAMETERS)


def _validator(properties: Mapping[str, Any]) -> "jsonschema_rs.Validator":
    return jsonschema_rs.validator_for(
        {"type": "object", "properties": dict(properties), "additionalProperties": False}
    )


_chat = _validator(_CHAT_PARAMETERS)
_embedding = _validator(_EMBEDDING_PARAMETERS)
_messages = jsonschema_rs.validator_for(
    {"type": "array", "items": _MESSAGE, "minItems": 1, "maxItems": 2048}
)
_inputs = jsonschema_rs.validator_for(
    {"type": "array", "items": _INPUT, "minItems": 1, "maxItems": 2048}
)


def chat_faults(parameters: Mapping[str, Any]) -> list[Fault]:
    return _faults(_chat, dict(parameters), "/parameters")


def embedding_faults(parameters: Mapping[str, Any]) -> list[Fault]:
    return _faults(_embedding, dict(parameters), "/parameters")


def message_faults(messages: tuple[Mapping[str, Any], ...]) -> list[Fault]:
    return _faults(_messages, [dict(message) for message in messages], "/messages")


def input_faults(inputs: tuple[Any, ...]) -> list[Fault]:
    return _faults(_inputs, list(inputs), "/input")


def schema_faults(schema: Mapping[str, Any]) -> list[Fault]:
    """Whether `schema` is a JSON Schema at all."""
    try:
        jsonschema_rs.validator_for(dict(schema))
    except (jsonschema_rs.ValidationError, ValueError) as error:
        return [Fault("/response_schema", f"Not a JSON Schema: {_short(error)}", "bad_schema")]
    return []


def _faults(validator: "jsonschema_rs.Validator", value: Any, root: str) -> list[Fault]:
    return [
        Fault("/".join([root, *map(str, error.instance_path)]), _short(error), "invalid")
        for error in validator.iter_errors(value)
    ]


def _short(error: Exception) -> str:
    """The first line, bounded: a message must not repeat a megabyte of the caller's value."""
    text = getattr(error, "message", str(error)).splitlines()[0]
    return text if len(text) <= 300 else f"{text[:300]}…"
