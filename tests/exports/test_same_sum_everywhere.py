"""Whatever is asked of whatever books: page, CSV, workbook, JSON, entries, price lines, FOCUS and
ledger say one sum, as integers of 10⁻¹² USD."""

import csv
import io
import json
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from openpyxl import load_workbook

from apps.core.money import pico_from_usd
from apps.core.one_view import one_view
from apps.exports.focus_check import check
from apps.exports.types import Asked
from apps.exports.writing import WRITERS
from apps.finance.explorer import explore
from apps.finance.query import Query
from apps.finance.selectors import total, total_cost
from apps.ledger.reports import Days
from tests.exports.conftest import NOW
from tests.finance.test_costs_are_the_ledgers import (
    ANY_QUESTION,
    value,
)
from tests.ledger.books import booked, empty, post_all
from tests.proof import examples

pytestmark = pytest.mark.django_db(transaction=True)
METERS = [("in_uncached", 150_000, 1, 1), ("out_text", 7, 1, 2), ("web_search", 10, 3, 3)]


class Counting:
    done = expected = 0

    def expect(self, rows):
        self.expected = rows

    def step(self, rows):
        self.done += rows


def priced(row, number):
    """The first half of the books explains its amounts by lines, in full or not."""
    meter, price, block, price_id = METERS[number % 3]
    quantity = number * 1000 + 1
    amount = round(quantity * price / block)
    line = {"usage_class": meter, "quantity": quantity, "price_pico": price, "per_block": block}
    line |= {"price_id": price_id, "amount_pico": amount}
    return row | {"lines": [line], "amount": amount + (row["amount"] if number % 2 else 0)}


def written(form, query):
    file, progress = io.BytesIO(), Counting()
    with one_view():
        built = WRITERS[form](query, Asked(NOW, "somebody"), file, progress)
    assert progress.done == progress.expected
    return built, file.getvalue()


def records(data):
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def added(rows, name):
    return sum(pico_from_usd(row[name]) for row in rows)


def sum_of_table(data):
    lines = list(csv.reader(io.StringIO(data.decode(), newline="")))
    (start,) = (n for n, line in enumerate(lines) if "cost" in line)
    place = lines[start].index("cost")
    *rows, last = lines[start + 1 :]
    assert last[0] == "total"
    assert sum(pico_from_usd(row[place]) for row in rows) == pico_from_usd(last[place])
    return pico_from_usd(last[place])


def sums_of_workbook(data):
    book = load_workbook(io.BytesIO(data))
    table = list(book["Costs"].iter_rows(values_only=True))
    place = table[0].index("Cost, USD exact")
    *rows, last = table[1:]
    whole = pico_from_usd(last[place])
    assert sum(pico_from_usd(row[place]) for row in rows) == whole
    lines = list(book["Ledger entries"].iter_rows(values_only=True))
    place = lines[0].index("amount_usd_exact")
    return whole, sum(pico_from_usd(row[place]) for row in lines[1:])


@settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(**ANY_QUESTION)
def test_one_sum(transactional_db, posted, tail, zone, asked_zone, first, length, group_by, chosen):
    empty()
    posted = [priced(row, number) for number, row in enumerate(posted)]
    for row in posted:
        booked(**row)
    assert post_all(zone) == len(posted)
    for row in tail:
        booked(**row)
    days = Days(first, first + timedelta(days=length), asked_zone)
    named = tuple((name, tuple(sorted(chosen[name]))) for name in sorted(chosen))
    query = Query(days=days, group_by=tuple(group_by), filters=named)
    inside = [
        row
        for row in posted + tail
        if days.first <= row["at"].astimezone(ZoneInfo(asked_zone)).date() <= days.last
        and all(value(row, name) in values for name, values in query.filters)
    ]
    ledger = sum(row["amount"] for row in inside)

    shown = explore(query=query)
    assert shown.total.sums.amount_pico == ledger
    assert sum(group.sums.amount_pico for group in shown.groups) == ledger
    assert total(query=query).amount_pico == ledger
    for form in WRITERS:
        built, data = written(form, query)
        assert built.total == ledger, form
        if form == "csv":
            assert sum_of_table(data) == ledger
        elif form == "xlsx":
            assert sums_of_workbook(data) == (ledger, ledger)
        elif form == "json":
            found = json.loads(data)
            assert pico_from_usd(found["total"]["cost_usd"]) == ledger
            assert sum(pico_from_usd(row["cost_usd"]) for row in found["results"]) == ledger
        elif form == "focus":
            rows = records(data)
            assert list(check(io.StringIO(data.decode(), newline=""))) == []
            assert len(rows) == built.rows
            for name in ("BilledCost", "EffectiveCost", "ContractedCost", "ListCost"):
                assert added(rows, name) == ledger
        else:
            rows = records(data)
            assert (added(rows, "amount_usd"), len(rows)) == (ledger, built.rows)
            for day in {row["day"] for row in rows}:
                one = Days(date.fromisoformat(day), date.fromisoformat(day), asked_zone)
                of_day = [row for row in rows if row["day"] == day]
                assert added(of_day, "amount_usd") == total_cost(query=query, days=one)
    last = min(days.last, days.first + timedelta(days=2))
    short = replace(query, days=Days(days.first, last, asked_zone))
    each = [Days(one, one, asked_zone) for one in short.days.all]
    by_day = [written("lines", replace(short, days=one))[0].total for one in each]
    assert sum(by_day) == written("focus", short)[0].total
