"""JSON Schemas that other people wrote: nothing that one names elsewhere is fetched or read, and
none holds up whoever reads it or checks a value with it.

The library would follow a `$ref` to an address or a file, from our network and with our rights. And
forty lines that each refer to the next one twice are a trillion checks of one value.
"""

from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from apps.core.schema_work import TooMuchWork, bound_patterns, bound_work

_BACKTRACKING = jsonschema_rs.FancyRegexOptions()
_LINEAR = jsonschema_rs.RegexOptions()
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


def _fetch_nothing(address: str) -> Any:
    raise ValueError("a schema may refer only to its own parts (#/…)")


def _short(error: Exception) -> str:
    lines = getattr(error, "message", str(error)).splitlines() or ["invalid"]
    return str(lines[0])[:_MOST_CHARS]
