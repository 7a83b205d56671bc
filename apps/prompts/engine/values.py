"""JSON values: the only thing a template ever sees."""

import math
import re
from collections.abc import Mapping
from typing import TypeAlias

from apps.prompts.engine.errors import RenderError
from apps.prompts.engine.limits import Limits

JSONValue: TypeAlias = str | int | float | bool | list["JSONValue"] | dict[str, "JSONValue"] | None

# Neither can be stored in Postgres or sent as UTF-8, so a prompt must not contain them.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_ENTRY_SIZE = 16
_KINDS = {
    str: "text",
    int: "a number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
    list: "a list",
    dict: "an object",
}


def kind(value: object) -> str:
    """Name a value's type as a prompt author knows it."""
    return _KINDS.get(type(value), type(value).__name__)


def freeze(values: Mapping[str, JSONValue], *, limits: Limits) -> dict[str, JSONValue]:
    """Copy the values of a rendering, so that nothing outside can change or observe it.

    Raises RenderError for anything but JSON types (exactly: a subclass could carry code) and for
    values that are too large, too deep, not finite, or cannot be stored as text.
    """
    copier = _Copier(limits)
    return {copier.begin(name): copier.copy(value, 0) for name, value in values.items()}


class _Copier:
    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.room = limits.context_chars
        self.name = ""

    def begin(self, name: object) -> str:
        self.name = name if type(name) is str else "?"
        return self.text(name)

    def copy(self, value: object, depth: int) -> JSONValue:
        if type(value) is str:
            return self.text(value)
        self.spend(_ENTRY_SIZE)
        if value is None or type(value) is bool:
            return value
        if type(value) is int or type(value) is float:
            return self.number(value)
        if depth >= self.limits.context_depth:
            raise self.fault(
                f"is nested more than {self.limits.context_depth} levels deep", "depth"
            )
        if type(value) is list:
            return [self.copy(item, depth + 1) for item in value]
        if type(value) is dict:
            return {self.text(key): self.copy(item, depth + 1) for key, item in value.items()}
        raise self.fault(f"holds a {type(value).__name__}; only JSON values can be used", "type")

    def text(self, value: object) -> str:
        if type(value) is not str:
            raise self.fault(f"holds a {type(value).__name__} where text is needed", "type")
        self.spend(_ENTRY_SIZE + len(value))
        if not storable(value):
            raise self.fault("holds a NUL character or half of a surrogate pair", "text")
        return value

    def number(self, value: int | float) -> int | float:
        if isinstance(value, int):
            if value.bit_length() > self.limits.int_bits:
                raise self.fault(
                    f"holds a number of more than {self.limits.int_bits} bits", "number"
                )
        elif not math.isfinite(value):
            raise self.fault("holds a number that is not finite", "number")
        return value

    def spend(self, size: int) -> None:
        self.room -= size
        if self.room < 0:
            raise RenderError(
                f"the values are larger than {self.limits.context_chars:,} characters together",
                code="context_size",
            )

    def fault(self, what: str, code: str) -> RenderError:
        return RenderError(f"variable `{self.name[:100]}` {what}", code=code)


def storable(text: str) -> bool:
    """Whether the text has neither NUL characters nor halves of surrogate pairs."""
    return "\x00" not in text and (text.isascii() or UNSTORABLE.search(text) is None)


def weigh(value: JSONValue, *, room: int) -> int:
    """Count the value's entries and its characters / 16; room + 1 as soon as there are more.

    Iterative, and stopping early: a template can nest a list in itself by steps until it has more
    leaves than memory could hold, while the list itself stays small.
    """
    total = 0
    stack = [value]
    while stack:
        item = stack.pop()
        total += 1
        if type(item) is str:
            total += len(item) >> 4
        elif type(item) is list:
            total += len(item)
            stack += item if total <= room else ()
        elif type(item) is dict:
            total += len(item) + sum(len(key) >> 4 for key in item)
            stack += item.values() if total <= room else ()
        if total > room:
            return room + 1
    return total
