"""The workbook: the report's table, the ledger entries behind it, and notes about both."""

from datetime import date, datetime
from typing import IO, Any

from apps.exports.books import counted, rows_of
from apps.exports.entry_sql import ENTRY, entries_select
from apps.exports.types import Asked, Built, Progress
from apps.exports.writing.notes import write_notes
from apps.exports.writing.sheets import Sheet, Styles, local
from apps.exports.writing.table import sorted_groups
from apps.finance.explorer import Exploration, Group, explore
from apps.finance.query import Query
from apps.finance.table import Column, columns

MOST_ENTRIES = 200_000
_OPTIONS = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
_MONEY = tuple(name for name in ENTRY if name.endswith("_usd"))
_COUNTS = tuple(name for name in ENTRY if name.endswith("_tokens"))


def write_xlsx(query: Query, asked: Asked, file: IO[bytes], progress: Progress) -> Built:
    from xlsxwriter import Workbook  # only processes that write one carry it

    found, entries = explore(query=query), counted(query)
    is_short = entries <= MOST_ENTRIES
    progress.expect(len(found.groups) + (entries if is_short else 0))
    remark = "" if is_short else _too_many(entries)
    with Workbook(file, _OPTIONS) as book:
        styles = Styles.of(book)
        _table(Sheet(book, styles, "Costs"), found)
        progress.step(len(found.groups))
        if is_short:
            _entries(Sheet(book, styles, "Ledger entries"), query, progress)
        write_notes(Sheet(book, styles, "Notes"), found, asked, entries, remark)
    return Built(entries if is_short else len(found.groups), found.total.sums.amount_pico, remark)


def _too_many(entries: int) -> str:
    return (
        f"Without the sheet of ledger entries: there are {entries:,}, and a workbook takes "
        f"{MOST_ENTRIES:,}. Export them as CSV, or ask for fewer days."
    )


def _table(sheet: Sheet, found: Exploration) -> None:
    shown = columns(found)
    names = [dimension.label for dimension in found.query.dimensions]
    sheet.head([*names, *(_heads(shown))])
    for group in sorted_groups(found):
        sheet.row([*group.values], [cell for one in shown for cell in _cells(one, group)])
    blank = [""] * (len(names) - 1)
    sheet.row(
        ["Total", *blank], [cell for one in shown for cell in _cells(one, found.total)], bold=True
    )


def _heads(shown: tuple[Column, ...]) -> list[str]:
    heads = []
    for one in shown:
        heads += [f"{one.label}, USD", f"{one.label}, USD exact"] if one.is_money else [one.label]
    return heads


def _cells(column: Column, group: Group) -> list[Any]:
    value = column.value(group)
    if column.is_money:
        return list(Sheet.money(None if value is None else int(value)))
    return [value]


def _cells_of_entry(name: str, value: Any, zone: str) -> tuple[Any, ...]:
    if name in _MONEY:
        return Sheet.money_of_text(value)
    if name == "at":
        return (local(datetime.fromisoformat(value), zone),)
    return (date.fromisoformat(value) if name == "day" else value,)


def _entries(sheet: Sheet, query: Query, progress: Progress) -> None:
    sheet.head(
        [
            name
            for column in ENTRY
            for name in ([column, f"{column}_exact"] if column in _MONEY else [column])
        ]
    )
    unsaid = 0
    for row in rows_of(entries_select(query, defused=False)):
        sheet.mixed(
            [
                cell
                for name, value in zip(ENTRY, row, strict=True)
                for cell in _cells_of_entry(name, value, query.days.zone)
            ]
        )
        unsaid += 1
        if unsaid == 500:
            progress.step(unsaid)
            unsaid = 0
    progress.step(unsaid)
