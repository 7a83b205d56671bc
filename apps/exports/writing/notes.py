"""The sheet that says what a workbook is about."""

from typing import Any

from apps.core.money import exact_usd
from apps.exports.entry_sql import ENTRY
from apps.exports.types import Asked
from apps.exports.writing.sheets import Sheet, local
from apps.finance.explorer import Exploration
from apps.finance.table import columns


def write_notes(sheet: Sheet, found: Exploration, asked: Asked, entries: int, remark: str) -> None:
    sheet.head(["Notes", ""])
    for name, value in _about(found, asked, entries, remark):
        sheet.mixed([name, value])
    sheet.row([], [])
    sheet.row(["Column of “Costs”", "Meaning"], [], bold=True)
    for column in columns(found):
        sheet.row([column.label, column.hint or _HINTS.get(column.name, "")], [])
    sheet.row([], [])
    sheet.row(["Column of “Ledger entries”", "Meaning"], [], bold=True)
    for name, one in ENTRY.items():
        sheet.row([name, _MEANINGS.get(name, one.meaning)], [])


_ROUNDED = (
    "Amounts to calculate with are rounded to a millionth of a dollar, so their sum may differ "
    "from the total by as much for each row; the exact amount stands beside each."
)
_MEANINGS = {"at": "When it was booked, in the time zone of the days."}
_HINTS = {
    "cost": "What was booked, less what was taken back.",
    "share": "Of the whole.",
    "before": "The cost of the days compared with.",
    "change": "Against the days before.",
    "per_call": "Cost by calls.",
    "per_1000_tokens": "Cost by tokens in and out.",
}


def _about(found: Exploration, asked: Asked, entries: int, remark: str) -> list[tuple[str, Any]]:
    query = found.query
    days, before = query.days, query.days_before
    rows: list[tuple[str, Any]] = [
        ("Days", f"{days.first} to {days.last}, both included"),
        ("Time zone of the days", days.zone),
        ("Grouped by", ", ".join(dimension.label for dimension in query.dimensions)),
    ]
    rows += [("Compared with", f"{before.first} to {before.last}")] if before else []
    rows += [
        (f"Only {dimension.label}", ", ".join(map(dimension.label_of, values)))
        for dimension, values in query.filtered
    ]
    rows += [
        ("Currency", "US dollars"),
        ("Total, USD exact", exact_usd(found.total.sums.amount_pico)),
        ("Ledger entries", f"{entries:,}, which add up to the total"),
        (f"Generated at, {days.zone}", local(asked.made_at, days.zone)),
        ("Generated for", asked.maker),
        ("Numbers", _ROUNDED),
    ]
    return [*rows, ("Remark", remark)] if remark else rows
