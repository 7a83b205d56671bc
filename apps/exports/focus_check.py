"""Whether a file keeps the rules of FOCUS 1.4's dataset “Cost and Usage”, as far as a file can be
checked for them: columns, types, nulls, allowed values, and what one column says about another."""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from apps.exports.focus_columns import COLUMNS, COSTS, Column

Cells = Mapping[str, str]
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_NAME = re.compile(r"[A-Z][A-Za-z0-9]{0,49}")
_CUSTOM = re.compile(r"x_[A-Za-z0-9_]{1,48}")
_HALF_PICO = Decimal("0.0000000000005")


@dataclass(frozen=True, slots=True)
class Fault:
    """`line` of the file, its head being 1."""

    line: int
    column: str
    text: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.column}: {self.text}"


def check(lines: Iterable[str]) -> Iterator[Fault]:
    """Every fault of a CSV file, in its order; none of a file that keeps the rules."""
    reader = csv.DictReader(lines)
    names = list(reader.fieldnames or [])
    yield from _head(names)
    for row in reader:
        line = reader.line_num
        if None in row or None in row.values():
            yield Fault(line, "", "It has not as many cells as the head has columns.")
        else:
            yield from (Fault(line, name, text) for name, text in _row(row))


def _head(names: list[str]) -> Iterator[Fault]:
    for name, column in COLUMNS.items():
        if column.is_mandatory and name not in names:
            yield Fault(1, name, "This column is mandatory.")
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Fault(1, name, "It is there more than once.")
    is_custom = [name.startswith("x_") for name in names]
    if is_custom != sorted(is_custom):
        yield Fault(1, "", "Custom columns (x_) come after the specification's.")
    for name in names:
        if name not in COLUMNS and not _CUSTOM.fullmatch(name):
            known = "" if _NAME.fullmatch(name) else " A name is PascalCase, at most 50 letters."
            yield Fault(1, name, f"We know no such column; custom ones begin with x_.{known}")


def _row(row: Cells) -> Iterator[tuple[str, str]]:
    alone = [
        (name, text)
        for name, column in COLUMNS.items()
        if name in row
        for text in _cell(row[name], column)
    ]
    yield from alone
    if not alone:  # rules between cells read them as what they are
        for rule in _RULES:
            yield from rule(row)


def _cell(cell: str, column: Column) -> Iterator[str]:
    if not cell:
        if not column.is_nullable:
            yield "It must not be null."
        return
    if column.allowed and cell not in column.allowed:
        yield f"“{cell[:40]}” is none of: {', '.join(column.allowed)}."
    yield from _FORMS[column.kind](cell)
    if column.least is not None and _NUMBER.fullmatch(cell) and Decimal(cell) < column.least:
        yield f"It must not be less than {column.least}."


def _number(cell: str) -> Iterator[str]:
    if not _NUMBER.fullmatch(cell):
        yield f"“{cell[:40]}” is no number: digits, one point, no grouping and no currency."


def _time(cell: str) -> Iterator[str]:
    try:
        is_time = bool(_TIME.fullmatch(cell)) and bool(datetime.fromisoformat(cell))
    except ValueError:
        is_time = False
    if not is_time:
        yield f"“{cell[:40]}” is no time in UTC like 2026-03-31T00:00:00Z."


def _object(cell: str) -> Iterator[str]:
    try:
        value = json.loads(cell)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        yield "It is no JSON object."
    elif any(isinstance(one, (dict, list)) for one in value.values()):
        yield "Values of keys are texts, numbers, true, false or null."


def _text(cell: str) -> Iterator[str]:
    if cell != cell.strip():
        yield "It begins or ends with a space."


_FORMS: Mapping[str, Callable[[str], Iterator[str]]] = {
    "Decimal": _number,
    "Date/Time": _time,
    "JSON": _object,
    "String": _text,
}


def _periods(row: Cells) -> Iterator[tuple[str, str]]:
    for name in ("Billing", "Charge"):
        if row[f"{name}PeriodStart"] >= row[f"{name}PeriodEnd"]:
            yield f"{name}PeriodEnd", "It must lie after the start, which it excludes."
    if row["ChargeClass"] and row["ChargePeriodStart"] >= row["BillingPeriodStart"]:
        yield "ChargeClass", "A correction is about an earlier billing period."
    if not row["ChargeClass"] and row["ChargePeriodStart"] < row["BillingPeriodStart"]:
        yield "ChargeClass", "What is about an earlier billing period is a correction."


def _usage(row: Cells) -> Iterator[tuple[str, str]]:
    is_usage, is_tax = row["ChargeCategory"] == "Usage", row["ChargeCategory"] == "Tax"
    needed = row["ChargeCategory"] in ("Usage", "Purchase") and not row["ChargeClass"]
    for name in _OF_A_PRICE:
        cell = row.get(name, "")
        if needed and name in row and not cell:
            yield name, "It must not be null for usage and purchases that are no corrections."
        if is_tax and cell:
            yield name, "It must be null for taxes."
    for name in ("ConsumedQuantity", "ConsumedUnit"):
        if row.get(name) and not is_usage:
            yield name, "It must be null for what is no usage."
        if is_usage and needed and name in row and not row[name]:
            yield name, "It must not be null for usage that is no correction."
    if row.get("ChargeFrequency") == "Usage-Based" and row["ChargeCategory"] == "Purchase":
        yield "ChargeFrequency", "A purchase is not usage-based."


_OF_A_PRICE = (
    *("ListUnitPrice", "PricingCategory", "PricingQuantity", "PricingUnit"),
    *("SkuId", "SkuPriceId"),
)
_OF_A_SKU_PRICE = (
    *("ConsumedQuantity", "ContractedUnitPrice", "ListUnitPrice", "PricingCategory"),
    *("PricingQuantity", "SkuMeter", "SkuPriceDetails"),
)


def _price(row: Cells) -> Iterator[tuple[str, str]]:
    if not row.get("SkuPriceId"):
        for name in _OF_A_SKU_PRICE:
            if row.get(name):
                yield name, "It must be null where SkuPriceId is."
    for first, second in (("PricingQuantity", "PricingUnit"), ("ConsumedQuantity", "ConsumedUnit")):
        if bool(row.get(first)) != bool(row.get(second)):
            yield second, f"It goes with {first}."


def _products(row: Cells) -> Iterator[tuple[str, str]]:
    """A row that sums lines which were each rounded may differ by half of our smallest unit for
    each; `x_LineCount` says how many there are."""
    if not row["PricingQuantity"]:
        return
    room = _HALF_PICO * int(row.get("x_LineCount") or 0) if " " in row["PricingUnit"] else 0
    for cost, price in (("ListCost", "ListUnitPrice"), ("ContractedCost", "ContractedUnitPrice")):
        if row.get(price):
            product = Decimal(row[price]) * Decimal(row["PricingQuantity"])
            if abs(product - Decimal(row[cost])) > room:
                yield cost, f"It is not {price} × PricingQuantity, which is {product}."


def _costs(row: Cells) -> Iterator[tuple[str, str]]:
    if row["ChargeCategory"] == "Credit":
        for name in COSTS:
            if Decimal(row[name]) != Decimal(row["BilledCost"]):
                yield name, "Of a credit, it must equal BilledCost."
    elif not row.get("ListUnitPrice") and Decimal(row["ListCost"]) != Decimal(row["BilledCost"]):
        yield "ListCost", "Without a unit price, it must equal BilledCost."


_RULES = (_periods, _usage, _price, _products, _costs)
