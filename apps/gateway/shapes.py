"""JSON Schemas of what a request to OpenAI's API may contain (its published types, package 3.54).

What is known but would make a call's upper bound untrue, or send data to where nobody decided it
may go, stands in `REFUSED` with the reason.
"""

from typing import Any

TEXT = {"type": "string"}
FLAG = {"type": "boolean"}
FLAG_OR_NULL = {"type": ["boolean", "null"]}
NAME = {"type": "string", "pattern": "^[a-zA-Z0-9_.-]{1,64}$"}
OBJECT = {"type": "object"}


def record(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """An object of these fields and no others."""
    return {
        "type": "object",
        "properties": required | (optional or {}),
        "required": list(required),
        "additionalProperties": False,
    }


def by_type(field: str, shapes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """An object whose `field` decides its shape. Not `anyOf`, which cannot say what is wrong."""
    return {
        "type": "object",
        "properties": {field: {"enum": list(shapes)}},
        "required": [field],
        "allOf": [
            {"if": {"properties": {field: {"const": name}}, "required": [field]}, "then": shape}
            for name, shape in shapes.items()
        ],
    }


_FUNCTION = record(
    {"name": NAME},
    {"description": TEXT, "parameters": OBJECT, "strict": FLAG_OR_NULL},
)
_CUSTOM = record({"name": NAME}, {"description": TEXT, "format": OBJECT})
_TOOL = by_type(
    "type",
    {
        "function": record({"type": TEXT, "function": _FUNCTION}),
        "custom": record(
            {
                "type": TEXT,
                "custom": record({"name": NAME}, {"description": TEXT, "format": OBJECT}),
            }
        ),
    },
)
_TOOL_CHOICE: dict[str, Any] = {
    "type": ["string", "object"],
    "if": {"type": "string"},
    "then": {"enum": ["none", "auto", "required"]},
    "else": by_type(
        "type",
        {
            "function": record({"type": TEXT, "function": record({"name": TEXT})}),
            "custom": record({"type": TEXT, "custom": record({"name": TEXT})}),
            "allowed_tools": record({"type": TEXT, "allowed_tools": OBJECT}),
        },
    ),
}
_RESPONSE_FORMAT = by_type(
    "type",
    {
        "text": record({"type": TEXT}),
        "json_object": record({"type": TEXT}),
        "json_schema": record(
            {
                "type": TEXT,
                "json_schema": record(
                    {"name": NAME},
                    {
                        "description": TEXT,
                        "schema": OBJECT,
                        "strict": FLAG_OR_NULL,
                    },
                ),
            }
        ),
    },
)
_STOP = {
    "type": ["string", "array"],
    "items": TEXT,
    "minItems": 1,
    "maxItems": 4,
}

# A bound that every provider's integer holds. JSON Schema takes 5.0 and 1e30 for integers too.
CAP = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}

CHAT_PARAMETERS: dict[str, Any] = {
    "temperature": {"type": "number", "minimum": 0, "maximum": 2},
    "top_p": {"type": "number", "minimum": 0, "maximum": 1},
    "n": {"type": "integer", "minimum": 1, "maximum": 16},
    "max_tokens": CAP,
    "max_completion_tokens": CAP,
    "stop": _STOP,
    "seed": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    "presence_penalty": {"type": "number", "minimum": -2, "maximum": 2},
    "frequency_penalty": {"type": "number", "minimum": -2, "maximum": 2},
    "logit_bias": {
        "type": "object",
        "additionalProperties": {"type": "number", "minimum": -100, "maximum": 100},
        "maxProperties": 1024,
    },
    "logprobs": FLAG,
    "top_logprobs": {"type": "integer", "minimum": 0, "maximum": 20},
    "response_format": _RESPONSE_FORMAT,
    "tools": {"type": "array", "items": _TOOL, "maxItems": 128},
    "tool_choice": _TOOL_CHOICE,
    "parallel_tool_calls": FLAG,
    "functions": {"type": "array", "items": _FUNCTION, "minItems": 1, "maxItems": 128},
    "function_call": {"type": ["string", "object"]},
    "reasoning_effort": {"enum": ["none", "minimal", "low", "medium", "high", "xhigh", "max"]},
    "verbosity": {"enum": ["low", "medium", "high"]},
    "modalities": {"type": "array", "items": {"const": "text"}, "minItems": 1, "maxItems": 1},
    "service_tier": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_.-]{0,39}$"},
    "store": {"const": False},
    "prompt_cache_key": {"type": "string", "maxLength": 512},
    "prompt_cache_options": OBJECT,
    "prompt_cache_retention": {"enum": ["in_memory", "24h"]},
    "safety_identifier": {"type": "string", "maxLength": 512},
    "user": {"type": "string", "maxLength": 512},
}
EMBEDDING_PARAMETERS: dict[str, Any] = {
    "dimensions": {"type": "integer", "minimum": 1, "maximum": 16384},
    "encoding_format": {"enum": ["float", "base64"]},
    "user": {"type": "string", "maxLength": 512},
}
REFUSED = {
    "audio": "Audio answers are not supported: their tokens are not bounded by the output cap.",
    "prediction": "Predicted output is not supported: rejected tokens are billed above the cap.",
    "web_search_options": "Web search is not supported: a search has a price of its own.",
    "moderation": "Moderation by the provider is not supported.",
}
EXPLAINED = {
    "modalities": "Only text is supported.",
    "service_tier": "A tier is one word of small letters, e.g. auto, default, flex or priority.",
    "store": "Only false is supported: answers are not kept at the provider.",
}

_TEXT_PART = record({"type": TEXT, "text": TEXT}, {"prompt_cache_breakpoint": OBJECT})
_IMAGE_URL = record(
    {"url": {"type": "string", "pattern": "^(https://|data:image/)"}},
    {"detail": {"enum": ["auto", "low", "high", "original"]}},
)
_IMAGE_PART = record({"type": TEXT, "image_url": _IMAGE_URL}, {"prompt_cache_breakpoint": OBJECT})


def _content(*types: str, null: bool = False) -> dict[str, Any]:
    shapes = {
        "text": _TEXT_PART,
        "image_url": _IMAGE_PART,
        "refusal": record({"type": TEXT, "refusal": TEXT}),
    }
    return {
        "type": ["string", "array", *(["null"] if null else [])],
        "items": by_type("type", {name: shapes[name] for name in types}),
        "minItems": 1,
    }


_CALL = by_type(
    "type",
    {
        "function": record(
            {"id": TEXT, "type": TEXT, "function": record({"name": TEXT, "arguments": TEXT})},
            {"index": {"type": "integer"}},
        ),
        "custom": record(
            {"id": TEXT, "type": TEXT, "custom": record({"name": TEXT, "input": TEXT})}
        ),
    },
)
_NULL_OR_TEXT = {"type": ["string", "null"]}
_ASSISTANT = {
    # What a provider answered comes back word by word, with fields that are null or of its own.
    "type": "object",
    "properties": {
        "content": _content("text", "refusal", null=True),
        "name": TEXT,
        "refusal": _NULL_OR_TEXT,
        "tool_calls": {"type": ["array", "null"], "items": _CALL},
        "function_call": {"type": ["object", "null"]},
        "annotations": {"type": ["array", "null"]},
        "reasoning_content": _NULL_OR_TEXT,
        "audio": {"type": "null"},
    },
    "propertyNames": {
        "enum": [
            *("role", "content", "name", "refusal", "tool_calls", "function_call"),
            *("annotations", "reasoning_content", "audio"),
        ]
    },
}
MESSAGE = by_type(
    "role",
    {
        "system": record({"role": TEXT, "content": _content("text")}, {"name": TEXT}),
        "developer": record({"role": TEXT, "content": _content("text")}, {"name": TEXT}),
        "user": record({"role": TEXT, "content": _content("text", "image_url")}, {"name": TEXT}),
        "assistant": _ASSISTANT,
        "tool": record(
            {"role": TEXT, "content": _content("text"), "tool_call_id": TEXT}, {"name": TEXT}
        ),
        "function": record({"role": TEXT, "content": _NULL_OR_TEXT, "name": TEXT}),
    },
)
