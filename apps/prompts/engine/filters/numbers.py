"""Filters that make numbers."""

import math

from apps.prompts.engine.errors import RenderError
from apps.prompts.engine.filters.texts import whole
from apps.prompts.engine.meter import Meter
from apps.prompts.engine.operators import Number, number
from apps.prompts.engine.values import JSONValue

_MAX_NUMBER_TEXT = 100
_ROUNDING = {"ceil": math.ceil, "floor": math.floor}


def absolute(meter: Meter, value: JSONValue) -> Number:
    """Without the sign."""
    return abs(number(value, "abs"))


def round_(
    meter: Meter, value: JSONValue, precision: JSONValue = 0, method: JSONValue = "common"
) -> Number:
    """Rounded to digits after the point: `common` (half to even, as Python), `ceil` or `floor`."""
    exact = number(value, "round")
    digits = whole(precision, "the precision of `round`", -15, 15)
    if method == "common":
        return meter.number(round(exact, digits))
    if method not in ("ceil", "floor"):
        raise RenderError("the method of `round` is common, ceil or floor", code="value")
    scale = 10.0**digits
    return meter.number(_ROUNDING[str(method)](meter.number(exact * scale)) / scale)


def int_(meter: Meter, value: JSONValue, default: JSONValue = 0, base: JSONValue = 10) -> JSONValue:
    """A whole number, or `default` where the value is none; what follows the point is dropped."""
    radix = whole(base, "the base of `int`", 2, 36)
    try:
        if type(value) is str:
            return meter.number(_whole_of(value, radix))
        return meter.number(int(number(value, "int")))
    except (ValueError, OverflowError):
        return default
    except RenderError:
        return default


def _whole_of(text: str, radix: int) -> int:
    if len(text) > _MAX_NUMBER_TEXT:
        raise ValueError
    try:
        return int(text, radix)
    except ValueError:
        return int(float(text))


def float_(meter: Meter, value: JSONValue, default: JSONValue = 0.0) -> JSONValue:
    """A number with a point, or `default` where the value is none."""
    if type(value) is str and len(value) <= _MAX_NUMBER_TEXT:
        try:
            result = float(value)
        except ValueError:
            return default
    elif isinstance(value, (int, float)):
        result = float(value)
    else:
        return default
    return result if math.isfinite(result) else default
