"""Arithmetic, comparison and joining of values, each paid for before it is done."""

import operator
from collections.abc import Callable

from apps.prompts.engine.errors import RenderError
from apps.prompts.engine.meter import Meter
from apps.prompts.engine.text import to_text
from apps.prompts.engine.values import JSONValue, kind

Number = int | float
Arithmetic = Callable[[Number, Number], Number]
Comparison = Callable[[Meter, JSONValue, JSONValue], bool]


def number(value: JSONValue, sign: str) -> Number:
    """The value if it can be calculated with."""
    if not isinstance(value, (int, float)):
        raise RenderError(f"`{sign}` needs numbers, not {kind(value)}", code="type")
    return value


def calculate(
    meter: Meter, sign: str, function: Arithmetic, left: JSONValue, right: JSONValue
) -> Number:
    """One of `- * / // %`. Numbers only: `'a' * 10**9` and `'%999d' % 1` are texts in Python."""
    try:
        return meter.number(function(number(left, sign), number(right, sign)))
    except ZeroDivisionError:
        raise RenderError(f"`{sign}` by zero", code="value") from None


def add(meter: Meter, left: JSONValue, right: JSONValue) -> JSONValue:
    """`+`: numbers, two texts or two lists."""
    if type(left) is str and type(right) is str:
        meter.charge_text(len(left) + len(right))
        return left + right
    if type(left) is list and type(right) is list:
        meter.charge(1 + len(left) + len(right))
        return left + right
    if type(left) is str or type(right) is str:
        raise RenderError(
            f"`+` cannot join {kind(left)} and {kind(right)}: use `~`, which makes text of both",
            code="type",
        )
    return calculate(meter, "+", operator.add, left, right)


def concatenate(meter: Meter, values: list[JSONValue]) -> str:
    """`~`: the values as they would be printed, one after the other."""
    texts = [to_text(meter, value) for value in values]
    meter.charge_text(sum(map(len, texts)))
    return "".join(texts)


def equal(meter: Meter, left: JSONValue, right: JSONValue) -> bool:
    """`==`, also of whole lists and objects."""
    if isinstance(left, (list, dict)) and isinstance(right, (list, dict)):
        meter.charge_value(left)
        meter.charge_value(right)
    elif type(left) is str and type(right) is str:
        meter.charge(1 + (min(len(left), len(right)) >> 4))
    return left == right


def less(meter: Meter, left: JSONValue, right: JSONValue) -> bool:
    """`<` of two numbers or two texts."""
    if type(left) is str and type(right) is str:
        meter.charge(1 + (min(len(left), len(right)) >> 4))
        return left < right
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return left < right
    raise RenderError(
        f"{kind(left)} and {kind(right)} have no order: compare two numbers or two texts",
        code="type",
    )


def contains(meter: Meter, needle: JSONValue, holder: JSONValue) -> bool:
    """`in`: a part of a text, an item of a list, a key of an object."""
    if type(holder) is str:
        return find(meter, holder, meter.need_text(needle, "`in` a text"))
    if type(holder) is dict:
        return type(needle) is str and needle in holder
    if type(holder) is not list:
        raise RenderError(
            f"`in` needs a list, an object or a text, not {kind(holder)}", code="type"
        )
    if isinstance(needle, (list, dict)):
        meter.charge_value(holder)
        # Each comparison may walk all of the needle, and stops where the item ends.
        meter.charge_value(needle)
    else:
        size = len(needle) if type(needle) is str else 0
        meter.charge(1 + len(holder) * (1 + (size >> 4)))
    return needle in holder


def search_cost(text: str, part: str) -> int:
    """Fuel for searching: below 100 characters CPython may compare all of them at each position."""
    return 1 + (len(text) * (1 + min(len(part), 100) // 16) >> 4)


def find(meter: Meter, text: str, part: str) -> bool:
    """Whether the text has the part."""
    meter.charge(search_cost(text, part))
    return part in text


COMPARISONS: dict[str, Comparison] = {
    "eq": equal,
    "ne": lambda meter, left, right: not equal(meter, left, right),
    "lt": less,
    "gt": lambda meter, left, right: less(meter, right, left),
    "lteq": lambda meter, left, right: not less(meter, right, left),
    "gteq": lambda meter, left, right: not less(meter, left, right),
    "in": contains,
    "notin": lambda meter, left, right: not contains(meter, left, right),
}
