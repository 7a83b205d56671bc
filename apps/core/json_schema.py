"""JSON Schemas that other people wrote: nothing that one names elsewhere is fetched or read, and
none holds up whoever reads it or checks a value with it.

The library would follow a `$ref` to an address or a file, from our network and with our rights. And
forty lines that each refer to the next one twice are a trillion checks of one value.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Any

import jsonschema_rs

from apps.core.schema_work import TooMuchWork, bound_patterns, bound_work

_BACKTRACKING = jsonschema_rs.FancyRegexOptions()
_LINEAR = jsonschema_rs.RegexOptions()
MOST_PARTS = 1_000  # of a value of which every error is told; each may make three, of 35 µs
_MOST_CHARS = 300  # of a message, so that it never repeats somebody's whole schema


class BadSchema(ValueError):
    """It is no JSON Schema, or needs something from elsewhere; one short line says why."""


def schema_validator(
    schema: Mapping[str, Any] | bool, *, linear: bool
) -> "jsonschema_rs.Validator":
    """Raises `BadSchema`.

    `linear`: values are checked with it, in time linear in their size. So patterns with look-around
    or back references are refused, and what `schema_work` cannot bound. Without it a schema is only
    read.
    """
    options = _LINEAR if linear else _BACKTRACKING
    try:
        bound_patterns(schema)
        bound_work(schema, checks_values=linear)
        return jsonschema_rs.validator_for(
            schema if isinstance(schema, bool) else dict(schema),
            pattern_options=options,
            retriever=_fetch_nothing,
        )
    except TooMuchWork as error:
        raise BadSchema(f"This JSON Schema {error}.") from error
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        raise BadSchema(f"Not a JSON Schema: {_short(error)}") from error


def errors_of(
    validator: "jsonschema_rs.Validator", value: Any
) -> list["jsonschema_rs.ValidationError"]:
    """Every error of `value`; of one with more than `MOST_PARTS` parts, the first.

    The library makes all errors before it gives out one: those of 200 KB took it ten seconds.
    """
    if validator.is_valid(value):
        return []
    if _has_few_parts(value):
        return list(validator.iter_errors(value))
    try:
        validator.validate(value)
    except jsonschema_rs.ValidationError as error:
        return [error]
    return []


def _has_few_parts(value: Any) -> bool:
    waiting, seen = [value], 0
    while waiting and seen <= MOST_PARTS:
        part = waiting.pop()
        seen += 1
        if isinstance(part, Mapping):
            waiting += islice(part.values(), MOST_PARTS + 1)
        elif isinstance(part, list | tuple):
            waiting += islice(part, MOST_PARTS + 1)
    return seen <= MOST_PARTS


def _fetch_nothing(address: str) -> Any:
    raise ValueError("a schema may refer only to its own parts (#/…)")


def _short(error: Exception) -> str:
    lines = getattr(error, "message", str(error)).splitlines() or ["invalid"]
    return str(lines[0])[:_MOST_CHARS]
