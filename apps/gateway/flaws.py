"""What is wrong with an answer that came: counted, never hidden from its caller."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import orjson

from apps.core import strict_json
from apps.core.json_schema import BadSchema, schema_validator
from apps.gateway.answers import Answer
from apps.ledger.models import Flaw

_LONGEST = 64 * 1024  # characters of an answer that are looked at: more would hold up the loop


def flaw_of(answer: Answer, parameters: Mapping[str, Any]) -> str:
    """One of `Flaw`, or empty. `parameters` are those that were sent; only choice 0 is judged."""
    message = (answer.body.get("choices") or [{}])[0].get("message") or {}
    if answer.finish_reason == "content_filter" or message.get("refusal"):
        return Flaw.REFUSAL
    if answer.finish_reason == "length":
        return Flaw.CUT_OFF
    asked = parameters.get("response_format") or {}
    if message.get("tool_calls") or asked.get("type") not in {"json_object", "json_schema"}:
        return ""
    schema = (asked.get("json_schema") or {}).get("schema") or {"type": "object"}
    return "" if _has_form(answer.text, strict_json.dumps(schema)) else Flaw.SCHEMA


def _has_form(text: str, schema: bytes) -> bool:
    """True too for what cannot be judged: an answer too long, a schema that is none."""
    if len(text) > _LONGEST:
        return True
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return _check(schema)(value)


@lru_cache(maxsize=256)
def _check(schema: bytes) -> Callable[[Any], bool]:
    try:
        return schema_validator(orjson.loads(schema), linear=True).is_valid
    except BadSchema:
        return lambda _: True
