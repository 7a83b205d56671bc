"""How values become text: text as it is, everything else as JSON."""

from collections.abc import Iterator
from itertools import chain
from json.encoder import encode_basestring
from types import EllipsisType

from apps.prompts.engine.errors import RenderError
from apps.prompts.engine.meter import Meter
from apps.prompts.engine.values import JSONValue

_MAX_DEPTH = 64


def to_text(meter: Meter, value: JSONValue) -> str:
    """The value as `{{ value }}` prints it: text as it is, else JSON, as `true` or `["a", "b"]`."""
    if type(value) is str:
        return value
    if type(value) is int or type(value) is float:
        return repr(value)
    return to_json(meter, value)


def to_json(meter: Meter, value: JSONValue, indent: int | None = None) -> str:
    """The value as JSON for a reader, not for a browser: letters and `<>&'` as they are.

    Keys are sorted, so that the text does not depend on how the values were stored in between.
    """
    writer = _Writer(meter, indent)
    writer.write(value)
    return "".join(writer.parts)


# What stands before a part, and the part; a closing bracket stands before nothing.
_Parts = Iterator[tuple[str, JSONValue | EllipsisType]]


class _Writer:
    """Pays and counts while it writes, since a small value may stand for a huge text.

    A part of a list or object costs 4 units, for the two pieces of text that it adds.
    """

    def __init__(self, meter: Meter, indent: int | None) -> None:
        self.meter = meter
        self.indent = indent
        self.parts: list[str] = []
        self.room = meter.limits.output_chars

    def write(self, value: JSONValue) -> None:
        """Depth first, with a stack of its own: Python's frames cost up to eight times as much,
        where a chunk of its stack ends between two of them."""
        stack: list[_Parts] = [iter((("", value),))]
        while stack:
            for before, part in stack[-1]:
                self.parts.append(before)
                if type(part) is list or type(part) is dict:
                    stack.append(self.opened(part, len(stack) - 1))
                    break
                if not isinstance(part, EllipsisType):
                    self.parts.append(self.scalar(part))
            else:
                stack.pop()

    def opened(self, value: list[JSONValue] | dict[str, JSONValue], depth: int) -> _Parts:
        if depth > _MAX_DEPTH:
            raise RenderError("a value is nested too deep to be printed", code="depth")
        self.meter.charge(4 + 4 * len(value))
        if isinstance(value, list):
            return self.between("[", [""] * len(value), value, "]", depth)
        keys = sorted(value)
        return self.between("{", self.names(keys), [value[key] for key in keys], "}", depth)

    def names(self, keys: list[str]) -> list[str]:
        self.meter.charge_text(4 * len(keys) + sum(map(len, keys)))
        names = [encode_basestring(key) + ": " for key in keys]
        self.take(sum(map(len, names)))
        return names

    def between(
        self, start: str, names: list[str], items: list[JSONValue], end: str, depth: int
    ) -> _Parts:
        first, gap, last = self.gaps(depth, len(items))
        befores = [gap + name for name in names]
        if names:
            befores[0] = start + first + names[0]
            start = ""
        return chain(zip(befores, items, strict=True), ((start + last + end, ...),))

    def gaps(self, depth: int, count: int) -> tuple[str, str, str]:
        """Before the first of so many parts, between them and after the last; paid for first."""
        if self.indent is None or not count:
            self.take(2 * max(count, 1))
            return "", ", ", ""
        width = self.indent * depth
        self.take((2 + width + self.indent) * count + 2 + width)
        line = "\n" + " " * width
        inner = line + " " * self.indent
        return inner, "," + inner, line

    def take(self, chars: int) -> None:
        self.room -= chars
        if self.room < 0:
            raise RenderError("a text would become too long", code="text_size")

    def scalar(self, value: JSONValue) -> str:
        if type(value) is str:
            self.meter.charge_text(len(value))
            text = str(encode_basestring(value))
        elif value is None:
            text = "null"
        elif type(value) is bool:
            text = "true" if value else "false"
        else:
            text = repr(value)
        self.take(len(text))
        return text
