"""Filters that make text."""

import re

from apps.prompts.engine.errors import RenderError
from apps.prompts.engine.meter import Meter
from apps.prompts.engine.operators import search_cost
from apps.prompts.engine.text import to_json, to_text
from apps.prompts.engine.values import JSONValue

_WORD_STARTS = re.compile(r"([-\s({\[<]+)")
_WORDS = re.compile(r"\w+")
_MAX_INDENT = 40
_TRUNCATE_LEEWAY = 5  # Jinja's own: a text that is longer by less is not worth cutting


def taken(meter: Meter, value: JSONValue) -> str:
    """The value as text, paid for as if it were copied."""
    text = to_text(meter, value)
    meter.charge_text(len(text))
    return text


def whole(value: JSONValue, what: str, low: int, high: int) -> int:
    """The value if it is a whole number in that range."""
    if type(value) is not int or not low <= value <= high:
        raise RenderError(f"{what} must be a whole number from {low} to {high:,}", code="value")
    return value


def upper(meter: Meter, value: JSONValue) -> str:
    """All letters large."""
    return taken(meter, value).upper()


def lower(meter: Meter, value: JSONValue) -> str:
    """All letters small."""
    return taken(meter, value).lower()


def capitalize(meter: Meter, value: JSONValue) -> str:
    """First letter large, the others small."""
    return taken(meter, value).capitalize()


def title(meter: Meter, value: JSONValue) -> str:
    """First letter of each word large."""
    text = taken(meter, value)
    meter.charge(1 + (len(text) >> 1))
    parts = _WORD_STARTS.split(text)
    return "".join(part[0].upper() + part[1:].lower() for part in parts if part)


def trim(meter: Meter, value: JSONValue, chars: JSONValue = None) -> str:
    """Without white space, or the given characters, at both ends."""
    text = taken(meter, value)
    return text.strip(strip_set(meter, text, chars))


def strip_set(meter: Meter, text: str, chars: JSONValue) -> str | None:
    """The characters to strip, paid for: each character at the ends is looked up among them."""
    if chars is None:
        return None
    wanted = meter.need_text(chars, "the set of characters to strip")
    meter.charge(1 + (len(text) * (1 + (len(wanted) >> 4)) >> 4))
    return wanted


def replace(
    meter: Meter, value: JSONValue, old: JSONValue, new: JSONValue, count: JSONValue = None
) -> str:
    """Every, or the first `count`, occurrences of a part replaced."""
    text = to_text(meter, value)
    part, other = (meter.need_text(item, "`replace`") for item in (old, new))
    meter.charge(search_cost(text, part))
    found = text.count(part)
    if count is not None:
        found = min(found, whole(count, "the count of `replace`", 0, 1_000_000))
    meter.charge(search_cost(text, part))
    meter.charge_text(len(text) + found * (len(other) - len(part)))
    return text.replace(part, other, found)


def truncate(
    meter: Meter,
    value: JSONValue,
    length: JSONValue = 255,
    killwords: JSONValue = False,
    end: JSONValue = "...",
    leeway: JSONValue = _TRUNCATE_LEEWAY,
) -> str:
    """At most `length` characters, cut between words unless `killwords`, with `end` behind."""
    text = to_text(meter, value)
    tail = meter.need_text(end, "the end of `truncate`")
    limit = whole(length, "the length of `truncate`", len(tail), meter.limits.context_chars)
    if len(text) <= limit + whole(leeway, "the leeway of `truncate`", 0, 1_000):
        return text
    meter.charge_text(limit)
    head = text[: limit - len(tail)]
    return (head if killwords else head.rsplit(" ", 1)[0]) + tail


def indent(
    meter: Meter,
    value: JSONValue,
    width: JSONValue = 4,
    first: JSONValue = False,
    blank: JSONValue = False,
) -> str:
    """Each line but the first (also that with `first`, also empty ones with `blank`) indented."""
    text = taken(meter, value)
    if type(width) is str:
        margin = width[: whole(len(width), "the width of `indent`", 0, _MAX_INDENT)]
    else:
        margin = " " * whole(width, "the width of `indent`", 0, _MAX_INDENT)
    lines = (text + "\n").splitlines()
    meter.charge_text(len(text) + len(lines) * (len(margin) + 1))
    rest = [margin + line if line or blank else line for line in lines[1:]]
    return "\n".join([margin + lines[0] if first else lines[0], *rest])


def tojson(meter: Meter, value: JSONValue, indent: JSONValue = None) -> str:
    """The value as JSON, keys sorted, not escaped for HTML."""
    if indent is None:
        return to_json(meter, value)
    return to_json(meter, value, whole(indent, "the indent of `tojson`", 0, 8))


def string(meter: Meter, value: JSONValue) -> str:
    """The value as it would be printed."""
    return to_text(meter, value)


def wordcount(meter: Meter, value: JSONValue) -> int:
    """Count of words."""
    text = taken(meter, value)
    meter.charge(1 + (len(text) >> 1))
    return sum(1 for _ in _WORDS.finditer(text))
