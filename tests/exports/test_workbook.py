"""The workbook as another program reads it."""

import io
import re
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from apps.core.money import exact_usd
from apps.exports.writing import workbook
from apps.exports.writing.sheets import round_micro
from apps.finance.query import Query
from tests.exports.conftest import MARCH, NOW, content, exported
from tests.finance.conftest import AT, booked

pytestmark = pytest.mark.django_db(transaction=True)
EVIL = [
    *("=1+1", "+1", "-a", "@SUM(A1)", "\tx", "\rx", "\nx", "＝1+1", "＋1", "－1", "＠x"),
    *(" =1+1", "'=1+1", '"@SUM(A1)', "\u00a0+1", "\n =1+1"),  # some leave out what stands before it
]


def opened(export):
    return load_workbook(io.BytesIO(content(export)))


def rows(sheet):
    head, *found = sheet.iter_rows(values_only=True)
    return [dict(zip(head, row, strict=True)) for row in found]


def test_table_entries_and_notes(books):
    booked("shop", AT, 1_234_567_890_123, model="m1", tags=["a", "b"])
    booked("crm", AT, -7, kind="correction", reason="given back")
    export = exported("xlsx")
    book = opened(export)
    assert book.sheetnames == ["Costs", "Ledger entries", "Notes"]

    table = {row["Service"]: row for row in rows(book["Costs"])}
    assert table["shop"]["Cost, USD"] == 1.234568
    assert table["shop"]["Cost, USD exact"] == "1.234567890123"
    assert table["crm"]["Cost, USD exact"] == "-0.000000000007"
    assert table["Total"]["Cost, USD exact"] == "1.234567890116"
    assert table["shop"]["Calls"] == 1

    entries = {row["service"]: row for row in rows(book["Ledger entries"])}
    assert entries["shop"]["amount_usd"] == 1.234568
    assert entries["shop"]["amount_usd_exact"] == "1.234567890123"
    day = datetime(AT.year, AT.month, AT.day)
    assert (entries["shop"]["tags"], entries["shop"]["day"]) == ("a b", day)
    assert entries["shop"]["at"] == AT.replace(tzinfo=None)
    assert (entries["crm"]["kind"], entries["crm"]["reason"]) == ("correction", "given back")

    notes = dict(book["Notes"].iter_rows(values_only=True))
    assert notes["Days"] == "2026-03-01 to 2026-03-31, both included"
    assert notes["Total, USD exact"] == exact_usd(export.total_pico) == "1.234567890116"
    assert notes["Ledger entries"] == "2, which add up to the total"
    assert notes["Generated for"] == "shop"
    assert notes["cost_center"] == "The service's cost centre then."
    assert (export.rows, export.remark) == (2, "")


def test_times_are_those_of_the_days_and_it_says_when_it_was_made(books):
    booked("shop", datetime(2026, 3, 5, 22, 30, 15, tzinfo=UTC), 1)
    days = Query(days=replace(MARCH.days, zone="Asia/Tokyo"))
    began = datetime.now(ZoneInfo("Asia/Tokyo")).replace(tzinfo=None, microsecond=0)
    export = exported("xlsx", days)
    book = opened(export)
    (entry,) = rows(book["Ledger entries"])
    assert entry["at"] == datetime(2026, 3, 6, 7, 30, 15)
    assert entry["day"] == datetime(2026, 3, 6)
    formats = {cell.value: cell.number_format for cell in book["Ledger entries"][2]}
    assert formats[entry["day"]] == "yyyy-mm-dd"
    notes = dict(book["Notes"].iter_rows(values_only=True))
    assert notes["at"] == "When it was booked, in the time zone of the days."
    assert notes["Generated at, Asia/Tokyo"] >= began  # and not NOW, when it was asked for


@pytest.mark.parametrize("form", ["csv", "json"])
def test_other_files_say_when_they_were_made_too(books, form):
    export = exported(form, Query(days=replace(MARCH.days, zone="Asia/Tokyo")))
    made = re.search(rb"generated(?:_at)?[\",: ]+(\S+?\+09:00)", content(export))
    assert datetime.fromisoformat(made[1].decode()) > NOW


def test_nothing_in_it_is_computed(books):
    for number, text in enumerate(EVIL):
        booked(f"s{number}", AT, 1, model=text, reason=text, tags=[text])
    export = exported("xlsx")
    found = opened(export)["Ledger entries"]
    head = [cell.value for cell in found[1]]
    for name in ("model", "reason", "tags"):
        cells = list(found.columns)[head.index(name)][1:]
        # as the format writes a carriage return, and this reader leaves it
        assert sorted(cell.value.replace("_x000D_", "\r") for cell in cells) == sorted(EVIL)
        assert {cell.data_type for cell in cells} == {"s"}
        assert all(cell.quotePrefix for cell in cells)
    sheets = zipfile.ZipFile(io.BytesIO(content(export)))
    assert not any(b"<f>" in sheets.read(name) for name in sheets.namelist())


def test_too_many_entries_are_left_out_and_it_says_so(books, monkeypatch):
    monkeypatch.setattr(workbook, "MOST_ENTRIES", 1)
    booked("shop", AT, 1)
    booked("crm", AT, 2)
    export = exported("xlsx")
    book = opened(export)
    assert book.sheetnames == ["Costs", "Notes"]
    assert export.remark.startswith("Without the sheet of ledger entries: there are 2,")
    assert dict(book["Notes"].iter_rows(values_only=True))["Remark"] == export.remark
    assert (export.rows, export.total_pico) == (3, 3)


def test_an_empty_question_has_a_workbook_too(books):
    export = exported("xlsx")
    assert (export.status, export.rows, export.total_pico) == ("done", 0, 0)
    assert opened(export).sheetnames == ["Costs", "Ledger entries", "Notes"]


@pytest.mark.parametrize(
    ("amount", "micro"),
    [
        (499_999, 0),
        (500_000, 0),
        (500_001, 1),
        (1_500_000, 2),
        (2_500_000, 2),
        (-500_000, 0),
        (-500_001, -1),
        (-1_500_000, -2),
    ],
)
def test_micro_dollars_are_rounded_half_to_even(amount, micro):
    assert round_micro(amount) == micro
