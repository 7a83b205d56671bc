"""Checks of JSON and of tool calls."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jsonschema_rs
import orjson

from apps.core.json_schema import BadSchema, schema_validator
from apps.evals.checks.wanted import TEXT, as_json, wanted
from apps.evals.types import Answer, Check, Mark

_ABSENT = object()


def is_json(check: Check, answer: Answer, expected: Any) -> Mark:
    value, why = _parsed(answer.text)
    return Mark(0.0, why) if value is _ABSENT else Mark(1.0)


def json_schema(check: Check, answer: Answer, expected: Any) -> Mark:
    value, why = _parsed(answer.text)
    if value is _ABSENT:
        return Mark(0.0, why)
    return _fits(validator(check.value), value)


def json_field_equals(check: Check, answer: Answer, expected: Any) -> Mark:
    """`path` is a JSON pointer; what is wanted is the value, the same field of the expected
    object, or the expected value itself."""
    value, why = _parsed(answer.text)
    if value is _ABSENT:
        return Mark(0.0, why)
    found = at_pointer(value, check.path)
    want = as_json(check.value) if check.value else _wanted_field(check, expected)
    if found is _ABSENT:
        return Mark(0.0, f"Has no field {check.path}.")
    return Mark(1.0) if found == want else Mark(0.0, f"{check.path} is {_short(found)}.")


def tool_call_valid(check: Check, answer: Answer, expected: Any) -> Mark:
    """At least one call, each of a tool that was offered, with arguments that fit its schema.
    `value` names the tool that must be called."""
    calls = answer.message.get("tool_calls") or []
    if not calls:
        return Mark(0.0, "Calls no tool.")
    offered = {tool["function"]["name"]: tool["function"] for tool in answer.tools}
    for call in calls:
        if why := _fault_of_call(call, offered):
            return Mark(0.0, why)
    names = [call["function"]["name"] for call in calls]
    if check.value and check.value not in names:
        return Mark(0.0, f"Calls {', '.join(names)}.")
    return Mark(1.0)


@lru_cache(maxsize=256)
def validator(schema: str) -> "jsonschema_rs.Validator":
    """Raises `ValueError`."""
    return schema_validator(orjson.loads(schema), linear=True)


def at_pointer(value: Any, pointer: str) -> Any:
    """RFC 6901; `_ABSENT` where there is nothing."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key[:9]) < len(value):
            value = value[int(key[:9])]
        else:
            return _ABSENT
    return value


def _parsed(text: str) -> tuple[Any, str]:
    if len(text) > TEXT:
        return _ABSENT, "Too long to be read as JSON."
    try:
        return orjson.loads(text), ""
    except orjson.JSONDecodeError as error:
        return _ABSENT, f"Is no JSON: {error.msg}."


def _wanted_field(check: Check, expected: Any) -> Any:
    want = wanted(check, expected)
    found = at_pointer(want, check.path) if isinstance(want, (dict, list)) else _ABSENT
    return want if found is _ABSENT else found


def _fits(schema: "jsonschema_rs.Validator", value: Any) -> Mark:
    error = next(iter(schema.iter_errors(value)), None)
    if error is None:
        return Mark(1.0)
    where = "/".join(map(str, error.instance_path)) or "the answer"
    return Mark(0.0, f"{where}: {error.message}"[:300])


def _fault_of_call(call: Mapping[str, Any], offered: Mapping[str, Mapping[str, Any]]) -> str:
    function = call.get("function") or {}
    tool = offered.get(function.get("name", ""))
    if tool is None:
        return f"“{function.get('name')}” was not offered."
    arguments, why = _parsed(str(function.get("arguments") or "{}"))
    if arguments is _ABSENT:
        return f"The arguments of {tool['name']}: {why}"
    try:
        schema = validator(orjson.dumps(tool.get("parameters") or {}).decode())
    except BadSchema as error:
        return f"The arguments of {tool['name']} cannot be checked: {error}"
    mark = _fits(schema, arguments)
    return "" if mark.score else f"The arguments of {tool['name']}: {mark.reason}"


def _short(value: Any) -> str:
    return orjson.dumps(value).decode()[:60]
