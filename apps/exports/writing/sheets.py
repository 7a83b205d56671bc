"""A sheet of a workbook, written row by row from above: what was written is on disk and cannot be
gone back to."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo

from apps.core.csv_lines import is_formula
from apps.core.money import PICO, Pico, exact_usd

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format

MICRO = (
    PICO // 10**6
)  # a spreadsheet's numbers have 15 digits: micro-dollars are exact to $999 million
_LAST_COLUMN = 60


@dataclass(frozen=True, slots=True)
class Styles:
    """`text`: what a spreadsheet takes for a formula as soon as somebody edits the cell gets its
    own mark for text."""

    head: "Format"
    money: "Format"
    count: "Format"
    share: "Format"
    text: "Format"
    bold: "Format"
    day: "Format"
    month: "Format"
    time: "Format"

    @classmethod
    def of(cls, book: "Workbook") -> Self:
        return cls(
            head=book.add_format({"bold": True, "bottom": 1}),
            money=book.add_format({"num_format": "#,##0.000000"}),
            count=book.add_format({"num_format": "#,##0"}),
            share=book.add_format({"num_format": "0.0%"}),
            text=book.add_format({"quote_prefix": True}),
            bold=book.add_format({"bold": True}),
            day=book.add_format({"num_format": "yyyy-mm-dd"}),
            month=book.add_format({"num_format": "yyyy-mm"}),
            time=book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        )


class Micro(float):
    """Dollars, rounded to a millionth for reading."""


class Month(date):
    """A month, as its first day."""


def local(at: datetime, zone: str) -> datetime:
    """A time for a cell, which knows no zone: a head or a note has to name it."""
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


class Sheet:
    def __init__(self, book: "Workbook", styles: Styles, name: str) -> None:
        self._sheet: Any = book.add_worksheet(name)
        self._styles = styles
        self._next = 0
        self._sheet.set_column(0, _LAST_COLUMN, 16)

    @staticmethod
    def money(amount: Pico | None) -> tuple[Micro | None, str]:
        """The number to calculate with, and the exact amount as text."""
        if amount is None:
            return None, ""
        return Micro(round_micro(amount) / 10**6), exact_usd(amount)

    @staticmethod
    def money_of_text(exact: str) -> tuple[Micro, str]:
        return Micro(round_micro(int(exact.replace(".", ""))) / 10**6), exact

    def head(self, names: list[str]) -> None:
        """The first row, which stays when one scrolls."""
        for place, name in enumerate(names):
            self._sheet.write_string(self._next, place, name, self._styles.head)
        self._next += 1
        self._sheet.freeze_panes(self._next, 1)

    def row(self, texts: list[str], cells: list[Any], *, bold: bool = False) -> None:
        for place, text in enumerate(texts):
            self._text(place, text, bold=bold)
        for place, cell in enumerate(cells, len(texts)):
            self._cell(place, cell)
        self._next += 1

    def mixed(self, cells: list[Any]) -> None:
        for place, cell in enumerate(cells):
            self._cell(place, cell)
        self._next += 1

    def _cell(self, place: int, cell: Any) -> None:
        if isinstance(cell, str):
            self._text(place, cell)
        elif isinstance(cell, date):  # times are dates, too
            self._sheet.write_datetime(self._next, place, cell, self._style_of(cell))
        elif isinstance(cell, Micro):
            self._sheet.write_number(self._next, place, cell, self._styles.money)
        elif isinstance(cell, float):
            self._sheet.write_number(self._next, place, cell, self._styles.share)
        elif cell is not None:
            self._sheet.write_number(self._next, place, cell, self._styles.count)

    def _style_of(self, cell: date) -> "Format":
        if isinstance(cell, datetime):
            return self._styles.time
        return self._styles.month if isinstance(cell, Month) else self._styles.day

    def _text(self, place: int, text: str, *, bold: bool = False) -> None:
        if not text:
            return
        style = self._styles.bold if bold else None
        if is_formula(text):
            style = self._styles.text
        self._sheet.write_string(self._next, place, text, style)


def round_micro(amount: Pico) -> int:
    """Whole micro-dollars, half to even."""
    whole, rest = divmod(amount, MICRO)
    return whole + (2 * rest > MICRO or (2 * rest == MICRO and whole % 2 == 1))
