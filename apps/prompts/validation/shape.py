"""The shape of a version's parts, as JSON Schema: one table to read, every fault at once."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import jsonschema_rs

from apps.core.faults import Fault
from apps.core.json_schema import BadSchema, errors_of, schema_validator
from apps.prompts.pointers import pointer
from apps.prompts.variables import KINDS

MESSAGES = 50  # of one prompt
VARIABLES = 100
TEXT = 300  # characters of a message about a fault
NAME = "^[A-Za-z_][A-Za-z0-9_]{0,63}$"
RESERVED = frozenset({"true", "false", "none", "True", "False", "None", "loop", "self", "not"})

_DECLARATION = {
    "type": "object",
    "properties": {
        "type": {"enum": list(KINDS)},
        "required": {"type": "boolean"},
        "default": {},
        "max_length": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
        "trust": {"enum": ["author", "service", "end_user"]},
        "sensitivity": {"enum": ["none", "personal", "secret"]},
        "description": {"type": "string", "maxLength": 500},
        "sample": {},
    },
    "required": ["type"],
    "additionalProperties": False,
}
_TEMPLATE = {
    "type": "object",
    "properties": {
        "role": {"enum": ["system", "user", "assistant"]},
        "content": {"type": "string"},
    },
    "required": ["role", "content"],
    "additionalProperties": False,
}
_PLACEHOLDER = {
    "type": "object",
    "properties": {"placeholder": {"type": "string"}},
    "additionalProperties": False,
}
_MESSAGE = {
    "if": {"type": "object", "required": ["placeholder"]},
    "then": _PLACEHOLDER,
    "else": _TEMPLATE,
}
_TOOL_CHOICE = {
    "type": ["string", "object"],
    "if": {"type": "string"},
    "then": {"enum": ["none", "auto", "required"]},
    "else": {
        "properties": {
            "type": {"const": "function"},
            "function": {
                "type": "object",
                "properties": {"name": {"type": "string"}},
                "required": ["name"],
                "additionalProperties": False,
            },
        },
        "required": ["type", "function"],
        "additionalProperties": False,
    },
}
# OpenAI's names. Nothing here may say where a call goes or how many answers it pays for.
_PARAMETERS = {
    "temperature": {"type": "number", "minimum": 0, "maximum": 2},
    "top_p": {"type": "number", "minimum": 0, "maximum": 1},
    "max_tokens": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
    "max_completion_tokens": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
    "stop": {
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 4},
        ]
    },
    "seed": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    "presence_penalty": {"type": "number", "minimum": -2, "maximum": 2},
    "frequency_penalty": {"type": "number", "minimum": -2, "maximum": 2},
    "reasoning_effort": {"enum": ["none", "minimal", "low", "medium", "high"]},
    "tool_choice": _TOOL_CHOICE,
    "parallel_tool_calls": {"type": "boolean"},
}

_messages = jsonschema_rs.validator_for({"type": "array", "items": _MESSAGE, "maxItems": MESSAGES})
_variables = jsonschema_rs.validator_for(
    {
        "type": "object",
        "propertyNames": {"pattern": NAME, "not": {"enum": sorted(RESERVED)}},
        "additionalProperties": _DECLARATION,
        "maxProperties": VARIABLES,
    }
)
_parameters = jsonschema_rs.validator_for(
    {"type": "object", "properties": _PARAMETERS, "additionalProperties": False}
)


def messages_faults(messages: Any) -> list[Fault]:
    if messages == []:
        return [Fault("/messages", "Write at least one message.", "missing")]
    return list(faults_of(_messages, messages, "/messages"))


def variables_faults(variables: Any) -> list[Fault]:
    return list(faults_of(_variables, variables, "/variables"))


def parameters_faults(parameters: Any) -> list[Fault]:
    faults = list(faults_of(_parameters, parameters, "/parameters"))
    if isinstance(parameters, Mapping) and {"max_tokens", "max_completion_tokens"} <= set(
        parameters
    ):
        detail = "Give max_tokens or max_completion_tokens, not both."
        faults.append(Fault("/parameters/max_tokens", detail, "ambiguous"))
    return faults


def schema_faults(schema: Any) -> list[Fault]:
    """Whether it is a JSON Schema that needs nothing from elsewhere; null is none."""
    if schema is None:
        return []
    at = "/response_schema"
    if not isinstance(schema, dict):
        return [Fault(at, "Must be an object: a JSON Schema.", "bad_schema")]
    try:
        schema_validator(schema, linear=False)
    except BadSchema as error:
        return [Fault(at, str(error), "bad_schema")]
    return []


def faults_of(
    validator: "jsonschema_rs.Validator",
    value: Any,
    root: str,
    explained: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Fault]:
    """`explained`: what is said of fields of these names, in place of the library's words."""
    for error in errors_of(validator, value):
        field = str(error.instance_path[-1]) if error.instance_path else ""
        detail = explained.get(field) or _short(error)
        yield Fault(root + pointer(*error.instance_path), detail, "invalid")


def _short(error: Exception) -> str:
    """The first line, bounded, so that a message never repeats somebody's whole text."""
    lines = getattr(error, "message", str(error)).splitlines() or ["invalid"]
    return lines[0] if len(lines[0]) <= TEXT else f"{lines[0][:TEXT]}…"
