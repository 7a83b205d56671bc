"""A statement as a file: what its page shows, with the state of its month at the head."""

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from apps.core.clock import iso_in
from apps.core.csv_lines import csv_lines
from apps.core.money import exact_usd
from apps.exports.statements import Correction, Corrections, Line, Statement
from apps.exports.writing.sheets import Month, Sheet, Styles, local
from apps.finance.types import Sums

_LINE = ["Service", "Model", "Calls", "Tokens in", "Tokens out"]
_CORRECTION = ["Day that it is about", "Booked in", "Kind", "Service", "Model", "Reason", "Entries"]
_COST = "Cost, USD"
_MENDED = "Of the total: corrections of earlier months"
_LATER = "Not in the total: corrections of this month that were booked since"
_OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}


@dataclass(frozen=True, slots=True)
class About:
    """What a file is of, and when it was made."""

    title: str
    statement: Statement
    made_at: datetime


def write_csv(about: About) -> bytes:
    found = about.statement
    made = [_made(about), iso_in(about.made_at, found.query.days.zone)]
    rows: list[list[str]] = [*_head(about), made, [], [*_LINE, _COST]]
    rows += [[*line.keys, *_counts(line.sums), _cost(line.sums)] for line in found.lines]
    rows += [["Total", "", *_counts(found.total), _cost(found.total)]]
    for title, corrections in _parts(found):
        rows += [[], [title], [*_CORRECTION, _COST]]
        rows += [
            [one.day.isoformat(), f"{one.booked:%Y-%m}", *_texts(one), *_sums(one)]
            for one in corrections.rows
        ]
        rows += [[*_net(corrections), str(corrections.entries), exact_usd(corrections.net_pico)]]
    return "".join(csv_lines(rows)).encode()


def write_xlsx(about: About) -> bytes:
    from xlsxwriter import Workbook  # only those who ask for one carry it

    file, found = io.BytesIO(), about.statement
    with Workbook(file, _OPTIONS) as book:
        sheet = Sheet(book, Styles.of(book), "Statement")
        for row in _head(about):
            sheet.row(row, [])
        sheet.mixed([_made(about), local(about.made_at, found.query.days.zone)])
        sheet.row([], [])
        sheet.row([*_LINE, _COST, f"{_COST} exact"], [], bold=True)
        for line in found.lines:
            _line(sheet, line)
        _line(sheet, Line(("Total", ""), found.total), bold=True)
        for title, corrections in _parts(found):
            sheet.row([], [])
            sheet.row([title], [], bold=True)
            sheet.row([*_CORRECTION, _COST, f"{_COST} exact"], [], bold=True)
            for one in corrections.rows:
                booked = Month(one.booked.year, one.booked.month, 1)
                amount = Sheet.money(one.amount_pico)
                sheet.mixed([one.day, booked, *_texts(one), one.entries, *amount])
            net = Sheet.money(corrections.net_pico)
            sheet.row(_net(corrections), [corrections.entries, *net], bold=True)
    return file.getvalue()


WRITERS: Mapping[str, Callable[[About], bytes]] = {"csv": write_csv, "xlsx": write_xlsx}


def _head(about: About) -> list[list[str]]:
    found = about.statement
    days, seal = found.query.days, found.period.seal if found.period else ""
    head = [
        ["Statement", about.title],
        ["Days", f"{days.first} to {days.last}, in {days.zone}"],
        ["Month", found.state],
        ["Total, USD", _cost(found.total)],
    ]
    if seal:
        head.insert(3, ["Seal", seal])
    if not found.adds_up:
        head.append(["Drift", "Rows and total differ: tell an operator."])
    return head


def _made(about: About) -> str:
    return f"Generated at, {about.statement.query.days.zone}"


def _parts(found: Statement) -> Iterator[tuple[str, Corrections]]:
    for title, corrections in ((_MENDED, found.corrections), (_LATER, found.later)):
        if corrections.count:
            first = f" (the first {len(corrections.rows)}; an export of entries has all)"
            yield title + (first if corrections.has_more else ""), corrections


def _net(corrections: Corrections) -> list[str]:
    return [f"Net of {corrections.count} row{'s' * (corrections.count > 1)}", *[""] * 5]


def _line(sheet: Sheet, line: Line, *, bold: bool = False) -> None:
    sums = line.sums
    counts = [sums.calls, sums.input_tokens, sums.output_tokens]
    sheet.row(list(line.keys), [*counts, *Sheet.money(sums.amount_pico)], bold=bold)


def _counts(sums: Sums) -> list[str]:
    return [str(sums.calls), str(sums.input_tokens), str(sums.output_tokens)]


def _cost(sums: Sums) -> str:
    return exact_usd(sums.amount_pico)


def _texts(one: Correction) -> list[str]:
    return [one.kind, one.service, one.model, one.reason]


def _sums(one: Correction) -> list[str]:
    return [str(one.entries), exact_usd(one.amount_pico)]
