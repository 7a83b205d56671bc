"""The state of one rendering."""

from collections.abc import Callable
from typing import TypeAlias

from apps.prompts.engine.errors import RenderError
from apps.prompts.engine.lookup import Missing
from apps.prompts.engine.meter import Meter
from apps.prompts.engine.values import JSONValue


class Loop:
    """Where a `for` stands: what `loop` means inside it."""

    __slots__ = ("index0", "items")

    def __init__(self, items: list[JSONValue]) -> None:
        self.items = items
        self.index0 = 0


class Run:
    """Names, position and output of one rendering. Nothing outlives it."""

    __slots__ = ("line", "loop", "meter", "names", "parts", "size")

    def __init__(self, names: dict[str, JSONValue], meter: Meter) -> None:
        self.names = names
        self.meter = meter
        self.loop: Loop | None = None
        self.line: int | None = None
        self.parts: list[str] = []
        self.size = 0

    def write(self, text: str) -> None:
        """Add to the output, unless it would be too long."""
        self.size += len(text)
        limit = self.meter.limits.output_chars
        if self.size > limit:
            raise RenderError(f"the result is longer than {limit:,} characters", code="output_size")
        self.parts.append(text)


Expression: TypeAlias = Callable[[Run], JSONValue]
Attempt: TypeAlias = Callable[[Run], "JSONValue | Missing"]
Step: TypeAlias = Callable[[Run], None]
