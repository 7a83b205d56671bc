"""Do values fit the declared variables? Every fault at once, before anything is rendered."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from apps.core.faults import Fault
from apps.prompts.conversation import messages_faults
from apps.prompts.types import Variable


def value_faults(variable: Variable, value: Any, at: str) -> Iterator[Fault]:
    """What is wrong with one value of one variable."""
    if not FITS[variable.type](value):
        detail = f"Must be {KINDS[variable.type]}, not {_kind_of(value)}."
        yield Fault(at, detail, "wrong_type")
        return
    limit = variable.max_length
    if limit is not None and hasattr(value, "__len__") and len(value) > limit:
        unit = "characters" if variable.type == "string" else "entries"
        yield Fault(at, f"Has {len(value):,} {unit}; at most {limit:,} are allowed.", "too_long")
    if variable.type == "messages":
        yield from messages_faults(value, at)


def fill(variable: Variable, values: Mapping[str, Any]) -> Any:
    """What was given, else the default, else the empty value of the type (numbers: null)."""
    given = values.get(variable.name)
    if given is not None:
        return given
    return EMPTY.get(variable.type) if variable.default is None else variable.default


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_integer(value) or (isinstance(value, float) and math.isfinite(value))


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


FITS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": _is_integer,
    "boolean": lambda value: isinstance(value, bool),
    "list": _is_list,
    "object": lambda value: isinstance(value, dict),
    "messages": _is_list,
}
# Shared by all calls: the engine copies values and nobody changes them.
EMPTY: dict[str, Any] = {"string": "", "list": [], "object": {}, "messages": []}
KINDS = {
    "string": "a string",
    "number": "a number",
    "integer": "an integer",
    "boolean": "true or false",
    "list": "a list",
    "object": "an object",
    "messages": "a list of messages",
}


def _kind_of(value: Any) -> str:
    if value is None:
        return "null"
    names = ("boolean", "string", "integer", "number", "list", "object")
    return next((KINDS[name] for name in names if FITS[name](value)), type(value).__name__)
