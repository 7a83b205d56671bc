"""How values become text: text as it is, everything else as JSON."""

from json.encoder import encode_basestring

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
    writer.write(value, 0)
    return "".join(writer.parts)


class _Writer:
    """Pays and counts while it writes, since a small value may stand for a huge text."""

    def __init__(self, meter: Meter, indent: int | None) -> None:
        self.meter = meter
        self.indent = indent
        self.parts: list[str] = []
        self.room = meter.limits.output_chars

    def put(self, text: str) -> None:
        self.room -= len(text)
        if self.room < 0:
            raise RenderError("a text would become too long", code="text_size")
        self.parts.append(text)

    def write(self, value: JSONValue, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise RenderError("a value is nested too deep to be printed", code="depth")
        if type(value) is dict:
            self.meter.charge(2 + 4 * len(value))
            self.sequence("{", [(key, value[key]) for key in sorted(value)], "}", depth)
        elif type(value) is list:
            self.meter.charge(2 + 2 * len(value))
            self.sequence("[", [(None, item) for item in value], "]", depth)
        else:
            self.put(self.scalar(value))

    def sequence(
        self, start: str, entries: list[tuple[str | None, JSONValue]], end: str, depth: int
    ) -> None:
        self.put(start)
        for position, (key, item) in enumerate(entries):
            self.put(self.gap(depth + 1, first=position == 0))
            if key is not None:
                self.put(self.scalar(key) + ": ")
            self.write(item, depth + 1)
        self.put((self.gap(depth, first=True) if entries else "") + end)

    def gap(self, depth: int, *, first: bool) -> str:
        if self.indent is None:
            return "" if first else ", "
        return ("\n" if first else ",\n") + " " * (self.indent * depth)

    def scalar(self, value: JSONValue) -> str:
        if type(value) is str:
            self.meter.charge_text(len(value))
            return str(encode_basestring(value))
        if value is None:
            return "null"
        if type(value) is bool:
            return "true" if value else "false"
        return repr(value)
