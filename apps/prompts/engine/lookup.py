"""Reaching into values. There are only keys and positions: nothing here is a Python attribute."""

from apps.prompts.engine.errors import RenderError
from apps.prompts.engine.meter import Meter
from apps.prompts.engine.values import JSONValue, kind

_MAX_PATH_CHARS = 200


class Missing:
    """What a lookup gives when nothing is there. Only `default` and `is defined` may see one."""

    __slots__ = ("message",)

    def __init__(self, message: str) -> None:
        self.message = message


def require(value: JSONValue | Missing) -> JSONValue:
    """The value, or RenderError if it is missing."""
    if isinstance(value, Missing):
        raise RenderError(value.message, code="missing")
    return value


def attribute(value: JSONValue, name: str, place: str) -> JSONValue | Missing:
    """`value.name`: always a key of an object, also where a method has the same name."""
    if type(value) is dict:
        try:
            return value[name]
        except KeyError:
            return Missing(f"`{place}` has no `{name}`")
    return Missing(f"`{place}` is {kind(value)} and has no `{name}`")


def item(value: JSONValue, key: JSONValue, place: str) -> JSONValue | Missing:
    """`value[key]`: a key of an object, or a position in a list or text, also from the end."""
    if type(value) is dict:
        if type(key) is str and key in value:
            return value[key]
        return Missing(f"`{place}` has no such key")
    if type(value) is list or type(value) is str:
        if type(key) is not int:
            return Missing(f"`{place}` is {kind(value)}: its positions are whole numbers")
        if -len(value) <= key < len(value):
            return value[key]
        return Missing(f"`{place}` has only {len(value)} entries")
    return Missing(f"`{place}` is {kind(value)} and has no entries")


def cut(meter: Meter, value: JSONValue, bounds: slice) -> JSONValue:
    """`value[start:stop:step]` of a list or text."""
    if type(value) is not list and type(value) is not str:
        raise RenderError(
            f"only lists and texts can be cut with `:`, not {kind(value)}", code="type"
        )
    for bound in (bounds.start, bounds.stop, bounds.step):
        if bound is not None and type(bound) is not int:
            raise RenderError("the bounds of `[a:b]` must be whole numbers", code="type")
    if bounds.step == 0:
        raise RenderError("the step of `[a:b:step]` must not be 0", code="value")
    size = len(range(*bounds.indices(len(value))))
    if type(value) is str:
        meter.charge_text(size)
    else:
        meter.charge(1 + size)
    return value[bounds]


def follow(
    meter: Meter, items: list[JSONValue], dotted: JSONValue, what: str
) -> list[JSONValue | Missing]:
    """From each item to a place inside it, which filters name as `attribute="a.b.0"`."""
    keys = _path(dotted, what)
    meter.charge(1 + len(items) * (1 + len(keys)))
    return [_reach(item, keys) for item in items]


def _path(dotted: JSONValue, what: str) -> list[int | str]:
    if type(dotted) is int:
        return [dotted]
    if type(dotted) is not str or len(dotted) > _MAX_PATH_CHARS:
        raise RenderError(f"the attribute of `{what}` must be a short text", code="type")
    return [int(part) if part.isdecimal() else part for part in dotted.split(".")]


def _reach(value: JSONValue, keys: list[int | str]) -> JSONValue | Missing:
    for key in keys:
        found = item(value, key, "item")
        if isinstance(found, Missing):
            return found
        value = found
    return value


def elements(meter: Meter, value: JSONValue, what: str) -> list[JSONValue]:
    """The items of a list, the keys of an object, the characters of a text."""
    if type(value) is not list and type(value) is not dict and type(value) is not str:
        raise RenderError(f"{what} needs a list, not {kind(value)}", code="type")
    meter.charge(1 + len(value))
    return value if type(value) is list else list(value)
