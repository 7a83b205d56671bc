"""Filters that choose among items, and those of objects."""

from collections.abc import Callable

from apps.prompts.engine.errors import RenderError
from apps.prompts.engine.filters.keys import sort_keys
from apps.prompts.engine.lookup import Missing, elements, follow, require
from apps.prompts.engine.meter import Meter
from apps.prompts.engine.predicates import PREDICATES, PRESENCE
from apps.prompts.engine.values import JSONValue, kind

_Passes = Callable[[JSONValue | Missing], bool]


def select(
    meter: Meter, value: JSONValue, test: JSONValue = None, /, *arguments: JSONValue
) -> list[JSONValue]:
    """The items that pass a test, or that are not empty."""
    passes = _passes(meter, test, arguments)
    return [item for item in elements(meter, value, "`select`") if passes(item)]


def reject(
    meter: Meter, value: JSONValue, test: JSONValue = None, /, *arguments: JSONValue
) -> list[JSONValue]:
    """The items that do not pass a test, or that are empty."""
    passes = _passes(meter, test, arguments)
    return [item for item in elements(meter, value, "`reject`") if not passes(item)]


def selectattr(
    meter: Meter,
    value: JSONValue,
    attribute: JSONValue,
    test: JSONValue = None,
    /,
    *arguments: JSONValue,
) -> list[JSONValue]:
    """The items one attribute of which passes a test, or is not empty."""
    passes = _passes(meter, test, arguments)
    items = elements(meter, value, "`selectattr`")
    found = follow(meter, items, attribute, "selectattr")
    return [item for item, part in zip(items, found, strict=True) if passes(part)]


def rejectattr(
    meter: Meter,
    value: JSONValue,
    attribute: JSONValue,
    test: JSONValue = None,
    /,
    *arguments: JSONValue,
) -> list[JSONValue]:
    """The items one attribute of which does not pass a test, or is empty."""
    passes = _passes(meter, test, arguments)
    items = elements(meter, value, "`rejectattr`")
    found = follow(meter, items, attribute, "rejectattr")
    return [item for item, part in zip(items, found, strict=True) if not passes(part)]


def _passes(meter: Meter, test: JSONValue, arguments: tuple[JSONValue, ...]) -> _Passes:
    if test is None:
        return lambda value: bool(require(value))
    if test in PRESENCE:
        return lambda value: isinstance(value, Missing) is not PRESENCE[str(test)]
    predicate = PREDICATES[str(test)]
    return lambda value: predicate(meter, require(value), *arguments)


def items(meter: Meter, value: JSONValue) -> list[JSONValue]:
    """Pairs of key and value of an object."""
    holder = _object(value, "items")
    meter.charge(1 + 2 * len(holder))
    return [[key, item] for key, item in holder.items()]


def dictsort(
    meter: Meter,
    value: JSONValue,
    case_sensitive: JSONValue = False,
    by: JSONValue = "key",
    reverse: JSONValue = False,
) -> list[JSONValue]:
    """Pairs of key and value of an object, in the order of its keys or (`by="value"`) values."""
    if by not in ("key", "value"):
        raise RenderError("`dictsort` sorts by key or value", code="value")
    holder = _object(value, "dictsort")
    pairs = list(holder.items())
    sorted_by = [key if by == "key" else item for key, item in pairs]
    keys = sort_keys(meter, sorted_by, case_sensitive=bool(case_sensitive))
    meter.charge(2 * len(pairs))
    order = sorted(range(len(pairs)), key=keys.__getitem__, reverse=bool(reverse))
    return [list(pairs[position]) for position in order]


def _object(value: JSONValue, name: str) -> dict[str, JSONValue]:
    if type(value) is not dict:
        raise RenderError(f"`{name}` needs an object, not {kind(value)}", code="type")
    return value
