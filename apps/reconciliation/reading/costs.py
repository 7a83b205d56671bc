"""Costs of a file, line by line, with every fault of it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from typing import BinaryIO

from django.core.exceptions import ValidationError

from apps.reconciliation.reading.amounts import amount_of, count_of, quantity_of
from apps.reconciliation.reading.cells import category_of, check_currency, day_of
from apps.reconciliation.reading.layout import NEEDED, Layout
from apps.reconciliation.reading.rows import Unreadable, rows_of
from apps.reconciliation.types import Fault, ReadLine

MOST_FAULTS = 500  # kept; whoever has more has one mistake in every line
CENTS = 2


@dataclass
class Reading:
    """What a file says. `decimals`: the most that an amount has, at least two."""

    lines: list[ReadLine] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    days: set[date] = field(default_factory=set)
    left_out: int = 0
    rounded: int = 0
    decimals: int = CENTS

    def fault(self, line: int, text: str) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(line, text))

    @contextmanager
    def noting(self, line: int) -> Iterator[None]:
        """What is wrong inside is noted, and the reading goes on."""
        try:
            yield
        except ValidationError as error:
            for message in error.messages:
                self.fault(line, message)


def read_costs(file: BinaryIO, layout: Layout, *, today: date) -> Reading:
    """Never raises for bad content: it comes back as faults."""
    reading = Reading()
    try:
        rows = rows_of(file)
        _, names = next(rows)
        columns = _columns(names, layout)
        seen: set[bytes] = set()
        for number, cells in rows:
            _read(reading, columns, layout, number, cells, seen, today)
    except Unreadable as error:
        reading.fault(0, str(error))
    return reading


def _columns(names: Mapping[str, str], layout: Layout) -> dict[str, str]:
    """Field → its column in this file. Raises: `Unreadable` when one that is needed is missing."""
    found = {
        name: next((column for column in candidates if column in names), "")
        for name, candidates in layout.columns.items()
    }
    if missing := [" or ".join(layout.columns[n]) for n in NEEDED if not found.get(n)]:
        has = ", ".join(filter(None, names)) or "none"
        raise Unreadable(f"Columns are missing: {'; '.join(missing)}. It has: {has[:500]}.")
    if found["amount"] == "costinusd":
        found["currency"] = ""  # that of the invoice, not of this column
    return {name: column for name, column in found.items() if column}


def _read(
    reading: Reading,
    columns: Mapping[str, str],
    layout: Layout,
    number: int,
    cells: Mapping[str, str],
    seen: set[bytes],
    today: date,
) -> None:
    cell = {name: cells[column] for name, column in columns.items()}
    if not _is_ours(cell, cells, layout):
        reading.left_out += 1
        return
    faults = len(reading.faults)
    day = amount = None
    with reading.noting(number):
        day = day_of(cell["day"], layout.date_format, today=today)
        reading.days.add(day)
    if not cell["amount"] and not cell["item"]:
        return  # a day without costs
    with reading.noting(number):
        amount = amount_of(cell["amount"])
    if cell.get("currency") is not None:
        with reading.noting(number):
            check_currency(cell["currency"])
    quantity, calls = _counts(reading, layout, number, cell)
    if len(reading.faults) > faults or day is None or amount is None:
        return
    reading.rounded += amount.was_finer
    reading.decimals = max(reading.decimals, amount.decimals)
    item = ", ".join(filter(None, (cell["item"], cell.get("meter"))))[:200]
    digest = blake2b("\x1f".join(cells.values()).encode(), digest_size=16).digest()
    line = ReadLine(
        number=number,
        day=day,
        item=item,
        category=category_of(cell.get("category", ""), item, is_stated="category" in cell),
        account=cell.get("account", "")[:200],
        amount_pico=amount.pico,
        quantity=quantity,
        calls=calls,
        is_repeat=digest in seen,
    )
    seen.add(digest)
    reading.lines.append(line)


def _is_ours(cell: Mapping[str, str], cells: Mapping[str, str], layout: Layout) -> bool:
    account = cell.get("account", "")
    # a day without costs names no account
    if layout.accounts and account not in layout.accounts and (account or cell["amount"]):
        return False
    about = [(cells[name].lower(), words) for name, words in layout.only.items() if name in cells]
    return not about or any(word in text for text, words in about for word in words)


def _counts(
    reading: Reading, layout: Layout, number: int, cell: Mapping[str, str]
) -> tuple[int | None, int | None]:
    quantity = calls = None
    if cell.get("quantity"):
        with reading.noting(number):
            quantity = quantity_of(
                cell["quantity"],
                unit=layout.quantity_unit,
                unit_of_measure=cell.get("unit", ""),
            )
    if cell.get("calls"):
        with reading.noting(number):
            calls = count_of(cell["calls"])
    return quantity, calls
