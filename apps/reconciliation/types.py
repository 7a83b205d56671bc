"""What is compared, and the columns that a difference is split into."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from apps.core.money import Pico


class Column(StrEnum):
    """Where a part of a difference belongs, in the order in which a page shows them."""

    TIMING = "timing"
    CAPTURE = "capture"
    TOKENS = "tokens"
    PRICE = "price"
    ROUNDING = "rounding"
    REPEATED = "repeated"
    CREDIT = "credit"
    DISCOUNT = "discount"
    TAX = "tax"
    REST = "rest"


ABOUT: Mapping[Column, tuple[str, str]] = {
    Column.TIMING: ("Timing", "the same amount stands a day earlier or later"),
    Column.CAPTURE: ("Capture", "calls that only one side has"),
    Column.TOKENS: ("Tokens", "their quantity less ours, at our price"),
    Column.PRICE: ("Price", "their unit price less ours, on their quantity"),
    Column.ROUNDING: ("Rounding", "no more than their amounts are rounded by"),
    Column.REPEATED: ("Repeated lines", "equal in every cell to a line before"),
    Column.CREDIT: ("Credits", "given back, beyond what is booked"),
    Column.DISCOUNT: ("Discounts", "taken off, beyond what is booked"),
    Column.TAX: ("Tax", "on their side only"),
    Column.REST: ("Rest", "nothing above explains it: look at its lines"),
}
UNMATCHED = "unmatched"
"""The meter of a line whose model or meter nobody has named yet; its model is their words."""
METERS: Mapping[str, str] = {
    "in_uncached": "Input",
    "in_cache_read": "Input, cached",
    "in_cache_write": "Input, cache write",
    "in_cache_write_1h": "Input, cache write for an hour",
    "in_audio": "Input audio",
    "in_image": "Input images",
    "out_text": "Output",
    "out_audio": "Output audio",
    "out_image": "Output images",
    "requests": "Requests",
    "web_search": "Web searches",
    "": "All usage",
    "credit": "Credit",
    "discount": "Discount",
    "tax": "Tax",
    "other": "Other charge",
    UNMATCHED: "Not matched",
}
NOT_USAGE = ("credit", "discount", "tax", "other")
_BILLED_WITH = {"in_cache_write_5m": "in_cache_write", "out_reasoning": "out_text"}


def meter_of(usage_class: str) -> str:
    """The meter that a provider bills a class of our usage in."""
    return _BILLED_WITH.get(usage_class, usage_class)


class Key(NamedTuple):
    """What is compared as one: a day of UTC, a model, a meter."""

    day: date
    model: str
    meter: str


@dataclass(frozen=True, slots=True)
class Side:
    """What one side says of a key. `quantity` and `calls` None: it does not say. `lines`: how many
    amounts were added up."""

    amount_pico: Pico
    quantity: int | None = None
    calls: int | None = None
    lines: int = 1


@dataclass(frozen=True, slots=True)
class Row:
    """A key with both sides, and its difference in columns that add up to it."""

    key: Key
    ours: Side | None
    theirs: Side | None
    columns: Mapping[Column, Pico] = field(default_factory=dict)

    @property
    def difference(self) -> Pico:
        return sum(self.columns.values())


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line of a provider's file. `amount_pico` None: a file of usage, which names no money.
    `number` is the line in the file, the first being 1."""

    number: int
    day: date
    item: str
    category: str
    account: str = ""
    amount_pico: Pico | None = None
    quantity: int | None = None
    calls: int | None = None
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a file, and in which line (0: the whole)."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"Line {self.line}: {self.text}" if self.line else self.text
