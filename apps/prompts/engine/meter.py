"""What one rendering may still spend."""

import math
from collections.abc import Callable

from apps.prompts.engine.errors import DeadlineError, RenderError
from apps.prompts.engine.limits import Limits
from apps.prompts.engine.values import JSONValue, kind, weigh

Clock = Callable[[], float]


class Meter:
    """Fuel, deadline and sizes of one rendering. Whoever works asks first."""

    __slots__ = ("clock", "deadline", "fuel", "limits")

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self.limits = limits
        self.clock = clock
        self.fuel = limits.fuel
        self.deadline = clock() + limits.deadline_seconds

    def charge(self, units: int) -> None:
        """Pay for work about to be done, and look at the clock."""
        self.fuel -= units
        if self.fuel < 0:
            raise RenderError(
                "the template does too much work: loop over fewer items or shorten the values",
                code="fuel",
            )
        if self.clock() > self.deadline:
            raise DeadlineError("rendering took too long", code="deadline")

    def charge_text(self, chars: int) -> None:
        """Pay for making a text of that length, which must not exceed what could be printed."""
        if chars > self.limits.output_chars:
            raise RenderError(
                f"a text would become longer than {self.limits.output_chars:,} characters",
                code="text_size",
            )
        self.charge(1 + (chars >> 4))

    def charge_value(self, value: JSONValue) -> int:
        """Pay for looking at every part of a value; return what it cost."""
        if type(value) is str:
            units = 1 + (len(value) >> 4)
        elif type(value) is list or type(value) is dict:
            units = weigh(value, room=self.fuel)
        else:
            return 1
        self.charge(units)
        return units

    def number(self, value: int | float) -> int | float:
        """Pass a result on if it is finite and not too long."""
        if isinstance(value, int):
            if value.bit_length() > self.limits.int_bits:
                raise RenderError("a whole number became too large", code="number")
        elif not math.isfinite(value):
            raise RenderError("a number became too large", code="number")
        return value

    def need_text(self, value: JSONValue, what: str) -> str:
        """The value if it is text, else an error that says what needed it."""
        if type(value) is not str:
            raise RenderError(f"{what} needs text, not {kind(value)}", code="type")
        return value
