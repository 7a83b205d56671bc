"""The methods of text and objects that a prompt may call: Python's, paid for by size."""

from collections.abc import Callable

from apps.prompts.engine.errors import RenderError
from apps.prompts.engine.filters.lists import join
from apps.prompts.engine.filters.rows import items
from apps.prompts.engine.filters.texts import replace, strip_set, taken, whole
from apps.prompts.engine.meter import Meter
from apps.prompts.engine.operators import search_cost
from apps.prompts.engine.values import JSONValue, kind

Method = Callable[..., JSONValue]
_MAX_SPLIT = 1_000_000


def bound(name: str) -> Method:
    """The method of that name, refusing values of a type that does not have it."""
    owner, method = METHODS[name]
    wanted = "text" if owner is str else "an object"

    def run_method(
        meter: Meter, value: JSONValue, *arguments: JSONValue, **named: JSONValue
    ) -> JSONValue:
        if type(value) is not owner:
            raise RenderError(f"`.{name}()` needs {wanted}, not {kind(value)}", code="type")
        return method(meter, value, *arguments, **named)

    return run_method


def numbers(meter: Meter, *bounds: JSONValue) -> list[JSONValue]:
    """`range(stop)`, `range(start, stop)` or `range(start, stop, step)`, as a list."""
    whole_bounds = [bound for bound in bounds if type(bound) is int]
    if len(whole_bounds) < len(bounds):
        raise RenderError("`range` needs whole numbers", code="type")
    limit = meter.limits.range_items
    try:
        result = range(*whole_bounds)
        size = len(result)
    except ValueError:
        raise RenderError("the step of `range` must not be 0", code="value") from None
    except OverflowError:
        size = limit + 1
    if size > limit:
        raise RenderError(f"`range` may give at most {limit:,} numbers", code="range")
    meter.charge(1 + size)
    return list(result)


def _cased(change: Callable[[str], str]) -> Method:
    def method(meter: Meter, text: str) -> str:
        return change(taken(meter, text))

    return method


def _stripped(strip: Callable[[str, str | None], str]) -> Method:
    def method(meter: Meter, text: str, chars: JSONValue = None) -> str:
        return strip(taken(meter, text), strip_set(meter, text, chars))

    return method


def _split(meter: Meter, text: str, sep: JSONValue = None, maxsplit: JSONValue = -1) -> JSONValue:
    limit = whole(maxsplit, "the count of `.split()`", -1, _MAX_SPLIT)
    if sep is None:
        meter.charge_text(len(text))
        # Two parts have white space between them, so there are at most half as many as characters.
        meter.charge(1 + (len(text) >> 2))
        return list(text.split(None, limit))
    separator = meter.need_text(sep, "the separator of `.split()`")
    if not separator:
        raise RenderError("the separator of `.split()` is empty", code="value")
    meter.charge(search_cost(text, separator))
    parts = 1 + text.count(separator)
    meter.charge_text(len(text))
    meter.charge(search_cost(text, separator) + 2 * parts)
    return list(text.split(separator, limit))


def _startswith(meter: Meter, text: str, prefix: JSONValue) -> bool:
    part = meter.need_text(prefix, "`.startswith()`")
    meter.charge_text(min(len(text), len(part)))
    return text.startswith(part)


def _endswith(meter: Meter, text: str, suffix: JSONValue) -> bool:
    part = meter.need_text(suffix, "`.endswith()`")
    meter.charge_text(min(len(text), len(part)))
    return text.endswith(part)


def _join(meter: Meter, text: str, parts: JSONValue) -> str:
    return join(meter, parts, text)


def _get(
    meter: Meter, holder: dict[str, JSONValue], key: JSONValue, default: JSONValue = None
) -> JSONValue:
    return holder.get(key, default) if type(key) is str else default


def _keys(meter: Meter, holder: dict[str, JSONValue]) -> JSONValue:
    meter.charge(1 + len(holder))
    return list(holder)


def _values(meter: Meter, holder: dict[str, JSONValue]) -> JSONValue:
    meter.charge(1 + len(holder))
    return list(holder.values())


METHODS: dict[str, tuple[type, Method]] = {
    "capitalize": (str, _cased(str.capitalize)),
    "endswith": (str, _endswith),
    "join": (str, _join),
    "lower": (str, _cased(str.lower)),
    "lstrip": (str, _stripped(str.lstrip)),
    "replace": (str, replace),
    "rstrip": (str, _stripped(str.rstrip)),
    "split": (str, _split),
    "startswith": (str, _startswith),
    "strip": (str, _stripped(str.strip)),
    "title": (str, _cased(str.title)),
    "upper": (str, _cased(str.upper)),
    "get": (dict, _get),
    "items": (dict, items),
    "keys": (dict, _keys),
    "values": (dict, _values),
}
