"""Ledger entries and price lines as CSV: all of them, exact, and nothing that is computed."""

import csv
import io
from datetime import UTC, date, datetime, timedelta

import pytest

from apps.core.money import exact_usd, pico_from_usd
from apps.exports import making
from apps.exports.entry_sql import ENTRY, LINE
from apps.exports.writing import copying
from apps.finance.query import Query
from apps.ledger.models import DayCost
from apps.ledger.reports import Days
from tests.exports.conftest import MARCH, content, exported
from tests.exports.test_workbook import EVIL
from tests.finance.conftest import AT, booked
from tests.ledger.books import post_all

pytestmark = pytest.mark.django_db(transaction=True)
PRICED = {"usage_class": "in_uncached", "quantity": 3, "price_pico": 150_000, "per_block": 1}
LINES = [
    PRICED | {"price_id": 4, "amount_pico": 450_000},
    {"usage_class": "out_text", "quantity": 2, "price_pico": 7, "per_block": 1000, "price_id": 5}
    | {"amount_pico": 0, "service_tier": "flex", "min_input_tokens": 200_001},
]


def read(export):
    return list(csv.DictReader(io.StringIO(content(export).decode(), newline="")))


def test_an_entry_in_full(books):
    entry = booked(
        *("shop", AT, -1_500_000_000_001),
        kind="correction",
        tags=["b", "a"],
        reason="x",
        actor="fiona",
    )
    export = exported("entries")
    (row,) = read(export)
    assert list(row) == list(ENTRY)
    assert row["entry"] == str(entry.pk)
    assert (row["at"], row["day"]) == ("2026-03-05T00:00:00.000000Z", "2026-03-05")
    assert row["amount_usd"] == exact_usd(entry.amount_pico) == "-1.500000000001"
    assert (row["tags"], row["reason"], row["actor"], row["job"]) == ("b a", "x", "fiona", "")
    assert (export.rows, export.total_pico) == (1, entry.amount_pico)


def test_lines_add_up_to_their_entries(books):
    booked("shop", AT, 450_000, lines=LINES)
    booked("guess", AT, 9, kind="estimate")
    booked("odd", AT, 450_010, lines=LINES)
    unpriced = [{"usage_class": "in_uncached", "quantity": 8}]
    booked("free", AT, 0, kind="unpriced", lines=unpriced)
    export = exported("lines")
    rows = read(export)
    assert list(rows[0]) == list(LINE)
    assert (export.rows, len(rows)) == (7, 7)
    assert export.total_pico == 900_019
    assert sum(pico_from_usd(row["amount_usd"]) for row in rows) == 900_019
    first, second = (row for row in rows if row["service"] == "shop")
    assert (first["meter"], first["quantity"], first["unit_price_usd"], first["price"]) == (
        *("in_uncached", "3", "0.000000150000", "4"),
    )
    assert (second["units_per_price"], second["service_tier"]) == ("1000", "flex")
    assert (first["service_tier"], second["min_input_tokens"]) == ("default", "200001")
    (rest,) = (row for row in rows if row["service"] == "odd" and not row["meter"])
    assert (rest["amount_usd"], rest["unit_price_usd"]) == ("0.000000000010", "")
    (free,) = (row for row in rows if row["service"] == "free")
    assert (free["quantity"], free["unit_price_usd"], free["amount_usd"]) == (
        *("8", "", "0.000000000000"),
    )


def test_cells_that_a_spreadsheet_would_compute_are_defused(books):
    for text in EVIL:
        booked("shop", AT, -1, model=text, reason=text, tags=[text])
    rows = read(exported("entries"))
    for name in ("model", "reason", "tags"):
        assert sorted(row[name] for row in rows) == sorted(f"'{text}" for text in EVIL)
    assert {row["amount_usd"] for row in rows} == {"-0.000000000001"}


def test_filters_days_and_zone_are_those_of_the_question(books):
    late = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)  # the first of April in Berlin
    booked("shop", late, 1)
    booked("crm", AT, 2, tags=["project:x"])
    booked("shop", AT, 4, prompt="p", prompt_version=3)
    berlin = Days(date(2026, 3, 1), date(2026, 3, 31), "Europe/Berlin")
    assert exported("entries", Query(days=berlin)).total_pico == 6
    assert exported("entries", MARCH).total_pico == 7
    for name, values, total in (
        ("service", ("shop",), 5),
        ("tag:project", ("x",), 2),
        ("prompt_version", ("p@3",), 4),
        ("prompt", ("",), 3),
        ("service", ("a'; --", "crm"), 2),
    ):
        query = MARCH.with_filter(name, *values)
        assert exported("entries", query).total_pico == total
        assert exported("lines", query).total_pico == total


def test_no_file_when_report_and_entries_differ(books):
    booked("shop", AT, 5)
    post_all()
    DayCost.objects.update(amount_pico=6)
    export = exported("entries", Query(days=Days(date(2026, 3, 5), date(2026, 3, 6), "UTC")))
    assert (export.status, export.size) == ("failed", 0)
    assert "The report says 0.000000000006 USD" in export.error


def test_a_file_of_any_format_that_is_too_large_is_refused(books, monkeypatch):
    monkeypatch.setattr(making, "LARGEST", 500)
    export = exported("focus")
    assert (export.status, export.size) == ("failed", 0)
    assert "It is larger than" in export.error


def test_lines_that_are_too_many_are_refused_on_the_way(books, monkeypatch):
    monkeypatch.setattr(copying, "LARGEST", 500)
    for days in range(3):
        booked("shop", AT + timedelta(days=days), 1)
    export = exported("entries")
    assert (export.status, export.size) == ("failed", 0)
    assert "It has 3 rows, more than" in export.error
