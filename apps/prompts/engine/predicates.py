"""What may stand after `is`: tests of a value."""

from collections.abc import Callable

from apps.prompts.engine.errors import RenderError
from apps.prompts.engine.meter import Meter
from apps.prompts.engine.operators import contains, equal, less
from apps.prompts.engine.values import JSONValue

Predicate = Callable[..., bool]


def _whole(value: JSONValue, name: str) -> int:
    if type(value) is not int:
        raise RenderError(f"`is {name}` needs whole numbers", code="type")
    return value


def _even(meter: Meter, value: JSONValue) -> bool:
    return _whole(value, "even") % 2 == 0


def _odd(meter: Meter, value: JSONValue) -> bool:
    return _whole(value, "odd") % 2 == 1


def _divisibleby(meter: Meter, value: JSONValue, num: JSONValue) -> bool:
    divisor = _whole(num, "divisibleby")
    if divisor == 0:
        raise RenderError("`is divisibleby` zero", code="value")
    return _whole(value, "divisibleby") % divisor == 0


def _lower(meter: Meter, value: JSONValue) -> bool:
    meter.charge_value(value)
    return isinstance(value, str) and value.islower()


def _upper(meter: Meter, value: JSONValue) -> bool:
    meter.charge_value(value)
    return isinstance(value, str) and value.isupper()


def _different(meter: Meter, value: JSONValue, other: JSONValue) -> bool:
    return not equal(meter, value, other)


def _at_least(meter: Meter, value: JSONValue, other: JSONValue) -> bool:
    return not less(meter, value, other)


def _above(meter: Meter, value: JSONValue, other: JSONValue) -> bool:
    return less(meter, other, value)


def _at_most(meter: Meter, value: JSONValue, other: JSONValue) -> bool:
    return not less(meter, other, value)


def _is(*types: type) -> Predicate:
    def check(meter: Meter, value: JSONValue) -> bool:
        return type(value) in types

    return check


PREDICATES: dict[str, Predicate] = {
    "none": _is(type(None)),
    "true": lambda meter, value: value is True,
    "false": lambda meter, value: value is False,
    "boolean": _is(bool),
    "string": _is(str),
    "number": lambda meter, value: isinstance(value, (int, float)),
    "integer": _is(int),
    "float": _is(float),
    "mapping": _is(dict),
    "sequence": _is(str, list, dict),
    "iterable": _is(str, list, dict),
    "even": _even,
    "odd": _odd,
    "divisibleby": _divisibleby,
    "lower": _lower,
    "upper": _upper,
    "in": contains,
    **dict.fromkeys(("eq", "equalto", "=="), equal),
    **dict.fromkeys(("ne", "!="), _different),
    **dict.fromkeys(("lt", "lessthan", "<"), less),
    **dict.fromkeys(("le", "<="), _at_most),
    **dict.fromkeys(("gt", "greaterthan", ">"), _above),
    **dict.fromkeys(("ge", ">="), _at_least),
}

# These two look at whether there is a value at all, so the compiler and `selectattr` handle them.
PRESENCE = {"defined": True, "undefined": False}
