"""What questions about costs are answered with."""

from datetime import date, datetime
from operator import add
from typing import NamedTuple

from apps.core.money import Pico

Key = str | date | datetime


class Sums(NamedTuple):
    """Sums over entries. A tuple, since a page makes ten thousands of them; `+` adds each.

    `calls`: answered or billed attempts and answers from our cache, of which `hits` were the
    latter. `answers`: the calls that brought somebody an answer, hits among them; the rest failed,
    came too late or were copies. Tokens are what providers counted; of the input they had
    `cached_tokens` in caches of theirs. `estimated_pico` is what was booked as an estimate, also
    where the truth has replaced it since: the most that may still change. `wasted_pico` brought
    nobody an answer, `adjusted_pico` are adjustments and credits, which belong to no call.
    """

    calls: int = 0
    answers: int = 0
    hits: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    amount_pico: Pico = 0
    avoided_pico: Pico = 0
    estimated_pico: Pico = 0
    wasted_pico: Pico = 0
    adjusted_pico: Pico = 0

    def __add__(self, other: "Sums") -> "Sums":  # type: ignore[override]
        return Sums._make(map(add, self, other))

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


MEASURES = Sums._fields


class CostRow(NamedTuple):
    """`keys`: what was asked for, in that order: the hour's first instant, the day, the month's
    first day, or a dimension's value (empty: unattributed)."""

    keys: tuple[Key, ...]
    sums: Sums
