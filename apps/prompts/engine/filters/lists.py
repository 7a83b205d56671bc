"""Filters that take lists."""

from apps.prompts.engine.errors import RenderError
from apps.prompts.engine.filters.keys import sort_keys
from apps.prompts.engine.lookup import Missing, elements, follow, require
from apps.prompts.engine.meter import Meter
from apps.prompts.engine.operators import number
from apps.prompts.engine.text import to_json, to_text
from apps.prompts.engine.values import JSONValue, kind

_NOTHING = Missing("")


def length(meter: Meter, value: JSONValue) -> int:
    """Count of items, keys or characters."""
    if not isinstance(value, (list, dict, str)):
        raise RenderError(
            f"`length` needs a list, an object or a text, not {kind(value)}", code="type"
        )
    return len(value)


def first(meter: Meter, value: JSONValue) -> JSONValue | Missing:
    """The first item."""
    return _end(value, "first")


def last(meter: Meter, value: JSONValue) -> JSONValue | Missing:
    """The last item."""
    return _end(value, "last")


def _end(value: JSONValue, name: str) -> JSONValue | Missing:
    if not isinstance(value, (list, dict, str)):
        raise RenderError(f"`{name}` needs a list, not {kind(value)}", code="type")
    if not value:
        return Missing(f"`{name}` of nothing")
    return next(iter(value)) if name == "first" else next(reversed(value))


def list_(meter: Meter, value: JSONValue) -> list[JSONValue]:
    """Items, keys or characters as a list."""
    return elements(meter, value, "`list`")


def reverse(meter: Meter, value: JSONValue) -> JSONValue:
    """Backwards."""
    if type(value) is str:
        meter.charge_text(len(value))
        return value[::-1]
    return elements(meter, value, "`reverse`")[::-1]


def join(meter: Meter, value: JSONValue, d: JSONValue = "", attribute: JSONValue = None) -> str:
    """Items as text with `d` between them."""
    items = _attributes(meter, elements(meter, value, "`join`"), attribute, "join")
    separator = to_text(meter, d)
    texts = [to_text(meter, item) for item in items]
    meter.charge_text(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def map_(
    meter: Meter, value: JSONValue, *, attribute: JSONValue, default: JSONValue | Missing = _NOTHING
) -> list[JSONValue]:
    """One attribute of each item, or `default` where an item has none."""
    found = follow(meter, elements(meter, value, "`map`"), attribute, "map")
    if isinstance(default, Missing):
        return [require(item) for item in found]
    return [default if isinstance(item, Missing) else item for item in found]


def sum_(
    meter: Meter, value: JSONValue, attribute: JSONValue = None, start: JSONValue = 0
) -> JSONValue:
    """The numbers, or one attribute of each item, added up."""
    total = number(start, "sum")
    for item in _attributes(meter, elements(meter, value, "`sum`"), attribute, "sum"):
        total = meter.number(total + number(item, "sum"))
    return total


def sort(
    meter: Meter,
    value: JSONValue,
    reverse: JSONValue = False,
    case_sensitive: JSONValue = False,
    attribute: JSONValue = None,
) -> list[JSONValue]:
    """In order, of themselves or of one attribute; equal ones stay as they stood."""
    items = elements(meter, value, "`sort`")
    keys = sort_keys(
        meter, _attributes(meter, items, attribute, "sort"), case_sensitive=bool(case_sensitive)
    )
    order = sorted(range(len(items)), key=keys.__getitem__, reverse=bool(reverse))
    return [items[position] for position in order]


def min_(
    meter: Meter,
    value: JSONValue,
    case_sensitive: JSONValue = False,
    attribute: JSONValue = None,
) -> JSONValue | Missing:
    """The smallest."""
    return _extreme(meter, value, "min", bool(case_sensitive), attribute)


def max_(
    meter: Meter,
    value: JSONValue,
    case_sensitive: JSONValue = False,
    attribute: JSONValue = None,
) -> JSONValue | Missing:
    """The largest."""
    return _extreme(meter, value, "max", bool(case_sensitive), attribute)


def _extreme(
    meter: Meter, value: JSONValue, name: str, case_sensitive: bool, attribute: JSONValue
) -> JSONValue | Missing:
    items = elements(meter, value, f"`{name}`")
    if not items:
        return Missing(f"`{name}` of nothing")
    keys = sort_keys(
        meter, _attributes(meter, items, attribute, name), case_sensitive=case_sensitive
    )
    pick = min if name == "min" else max
    return items[pick(range(len(items)), key=keys.__getitem__)]


def unique(
    meter: Meter,
    value: JSONValue,
    case_sensitive: JSONValue = False,
    attribute: JSONValue = None,
) -> list[JSONValue]:
    """Each different item once, the first of each kind, compared by itself or by one attribute."""
    items = elements(meter, value, "`unique`")
    meter.charge(4 * len(items))
    seen: dict[str, JSONValue] = {}
    for item, key in zip(items, _attributes(meter, items, attribute, "unique"), strict=True):
        folded = key.lower() if type(key) is str and not case_sensitive else key
        # By its JSON: the hash of a text is salted, so nobody can prepare values that collide.
        seen.setdefault(to_json(meter, folded), item)
    return list(seen.values())


def _attributes(
    meter: Meter, items: list[JSONValue], attribute: JSONValue, what: str
) -> list[JSONValue]:
    if attribute is None:
        return items
    return [require(found) for found in follow(meter, items, attribute, what)]
