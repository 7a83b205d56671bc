"""FOCUS: rows of meters, corrections in the period that they are booked in, and the rules."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from apps.exports.focus_check import check
from apps.exports.focus_columns import COLUMNS, CUSTOM
from apps.ledger.models import Adjustment, AdjustmentStatus, Entry, Period
from tests.exports.conftest import MARCH, content, exported, person
from tests.finance.conftest import AT, booked

pytestmark = pytest.mark.django_db(transaction=True)
TOKENS = {"usage_class": "in_uncached", "quantity": 3, "price_pico": 150_000, "per_block": 1}
LINE = TOKENS | {"price_id": 4, "amount_pico": 450_000}


def text_of(export):
    return content(export).decode()


def read(export):
    text = text_of(export)
    assert list(check(io.StringIO(text, newline=""))) == []
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_row_of_a_meter(books):
    names = {"model": "gpt", "provider": "openai", "deployment": "gpt-eu", "prompt": "reply"}
    for hours in range(3):
        at = AT + timedelta(hours=hours)
        booked("shop", at, 450_000, lines=[LINE], prompt_version=2, channel="live", **names)
    export = exported("focus")
    (row,) = read(export)
    assert list(row) == [*COLUMNS, *CUSTOM]
    assert (export.rows, export.total_pico) == (1, 1_350_000)
    costs = {row[name] for name in ("BilledCost", "EffectiveCost", "ContractedCost", "ListCost")}
    assert costs == {"0.000001350000"}
    assert (row["PricingQuantity"], row["PricingUnit"]) == ("9", "Tokens")
    assert (row["ConsumedQuantity"], row["ConsumedUnit"]) == ("9", "Tokens")
    assert row["ListUnitPrice"] == row["ContractedUnitPrice"] == "0.00000015"
    assert (row["SkuId"], row["SkuMeter"], row["SkuPriceId"]) == ("openai/gpt", "Input tokens", "4")
    assert (row["ChargePeriodStart"], row["ChargePeriodEnd"]) == (
        *("2026-03-05T00:00:00Z", "2026-03-06T00:00:00Z"),
    )
    assert (row["BillingPeriodStart"], row["BillingPeriodEnd"]) == (
        *("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"),
    )
    assert (row["ChargeCategory"], row["ChargeClass"]) == ("Usage", "")
    assert (row["SubAccountId"], row["ResourceId"]) == ("t", "gpt-eu")
    assert json.loads(row["Tags"]) == {
        "service": "shop",
        "cost_center": "c",
        "prompt": "reply",
        "prompt_version": "2",
        "channel": "live",
    }
    assert (row["x_Estimated"], row["x_LineCount"]) == ("false", "3")


def test_what_is_taken_back_later_is_a_correction(books):
    february = datetime(2026, 2, 27, 12, tzinfo=UTC)
    wrong = booked("shop", february, 450_000, lines=[LINE])
    minus = LINE | {"quantity": -3, "amount_pico": -450_000}
    values = {"reverses": wrong, "lines": [minus], "reason": "priced anew"}
    booked("shop", AT, -450_000, kind="reversal", **values)
    same_month = booked("crm", AT, 450_000, lines=[LINE])
    booked("crm", AT, -450_000, kind="reversal", **(values | {"reverses": same_month}))
    later, charge, inside = sorted(
        read(exported("focus")), key=lambda row: (row["x_Service"] != "shop", row["x_EntryKind"])
    )
    assert (later["ChargeClass"], later["BilledCost"]) == ("Correction", "-0.000000450000")
    assert later["ChargePeriodStart"] == "2026-02-27T00:00:00Z"
    assert later["BillingPeriodStart"] == "2026-03-01T00:00:00Z"
    assert (charge["ChargeClass"], inside["ChargeClass"]) == ("", "")


def test_an_adjustment_is_of_the_day_that_it_is_about(books):
    first, second = person("finance"), person("administrator")
    asked = Adjustment.objects.create(
        kind="credit",
        day=datetime(2026, 2, 10, tzinfo=UTC).date(),
        amount_pico=-5,
        provider="p",
        model="m",
        service="shop",
        team="t",
        cost_center="c",
        reference="invoice 1",
        reason="given back",
        requested_by=first,
        requested_at=AT,
    )
    Adjustment.objects.filter(pk=asked.pk).update(
        status=AdjustmentStatus.APPROVED, decided_by=second, decided_at=AT
    )
    same = {"service": "shop", "team": "t", "cost_center": "c", "provider": "p", "model": "m"}
    values = same | {"kind": "credit", "amount_pico": -5, "request_id": ""}
    Entry.objects.create(id=asked.pk, at=AT, deployment="", **values)
    (row,) = read(exported("focus"))
    assert (row["ChargeCategory"], row["ChargeClass"]) == ("Credit", "Correction")
    assert row["ChargePeriodStart"] == "2026-02-10T00:00:00Z"
    assert (row["SkuId"], row["ConsumedQuantity"], row["ResourceType"]) == ("", "", "")


def test_amounts_without_a_price_and_prices_of_blocks(books):
    booked("guess", AT, 9, kind="estimate")
    hit = {"kind": "cache_hit", "avoided_pico": 11}
    booked("hit", AT, 0, **hit)
    block = {"usage_class": "web_search", "quantity": 1, "price_pico": 10, "per_block": 3}
    for hours in range(4):
        at = AT + timedelta(hours=hours)
        booked("web", at, 3, lines=[block | {"price_id": 5, "amount_pico": 3}])
    guess, found, web = sorted(read(exported("focus")), key=lambda row: row["x_Service"])
    assert (guess["ChargeCategory"], guess["x_Estimated"]) == ("Adjustment", "true")
    assert (found["BilledCost"], found["x_CacheSavings"]) == ("0.000000000000", "0.000000000011")
    assert (web["PricingUnit"], web["ConsumedUnit"]) == ("3 Searches", "Searches")
    assert (web["PricingQuantity"], web["BilledCost"]) == (
        *("1.333333333333333333", "0.000000000012"),
    )


def test_billing_periods_are_the_bounds_of_the_books(books):
    start = datetime(2026, 2, 28, 23, tzinfo=UTC)
    end = datetime(2026, 3, 31, 22, tzinfo=UTC)
    month = end.date().replace(day=1)
    Period.objects.create(month=month, start=start, end=end, zone="x")
    booked("shop", AT, 1)
    (row,) = read(exported("focus"))
    assert (row["BillingPeriodStart"], row["BillingPeriodEnd"]) == (
        *("2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"),
    )


WRONG = [
    ({"BilledCost": ""}, "BilledCost: It must not be null."),
    ({"BilledCost": "$1"}, "BilledCost: “$1” is no number"),
    ({"ListCost": "2"}, "ListCost: It is not ListUnitPrice × PricingQuantity"),
    ({"ChargeClass": "Correct"}, "ChargeClass: “Correct” is none of: Correction."),
    ({"ChargeClass": "Correction"}, "ChargeClass: A correction is about an earlier"),
    ({"ChargePeriodStart": "2026-03-05"}, "ChargePeriodStart: “2026-03-05” is no time"),
    ({"ChargePeriodStart": "2026-13-05T00:00:00Z"}, "is no time"),
    ({"ChargePeriodStart": "2026-02-05T00:00:00Z"}, "ChargeClass: What is about an earlier"),
    ({"BillingPeriodEnd": "2026-03-01T00:00:00Z"}, "BillingPeriodEnd: It must lie after"),
    ({"Tags": "[1]"}, "Tags: It is no JSON object."),
    ({"Tags": '{"a": [1]}'}, "Tags: Values of keys are"),
    ({"SkuPriceId": ""}, "SkuPriceId: It must not be null for usage"),
    ({"SkuPriceId": ""}, "PricingQuantity: It must be null where SkuPriceId is."),
    ({"PricingUnit": ""}, "PricingUnit: It goes with PricingQuantity."),
    ({"ChargeCategory": "Tax"}, "SkuId: It must be null for taxes."),
    ({"ChargeCategory": "Adjustment"}, "ConsumedQuantity: It must be null for what is no usage."),
    ({"ListUnitPrice": "-1"}, "ListUnitPrice: It must not be less than 0."),
    ({"ServiceName": " x"}, "ServiceName: It begins or ends with a space."),
    ({"BillingCurrency": "EUR"}, "BillingCurrency: “EUR” is none of: USD."),
]


@pytest.fixture
def row(books):
    booked("shop", AT, 450_000, lines=[LINE])
    return read(exported("focus"))[0]


def written(names, *rows):
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerows([names, *rows])
    file.seek(0)
    return file


def test_the_checker_sees_each_fault(row):
    for changes, fault in WRONG:
        cells = row | changes
        found = [str(one) for one in check(written([*cells], cells.values()))]
        assert any(fault in one for one in found), (changes, found)
        assert all(one.startswith("line 2, ") for one in found)
    del row["ListCost"]
    found = [str(one) for one in check(written([*row, "Extra", "x_a", "x_a"]))]
    assert found[0] == "line 1, ListCost: This column is mandatory."
    assert found[1] == "line 1, x_a: It is there more than once."
    assert "Custom columns (x_) come after" in found[2]
    assert "Extra: We know no such column" in found[3]
    assert "not as many cells" in str(list(check(written([*row], ["1"])))[-1])


def test_the_command(row, tmp_path, capsys):
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(written([*row], row.values()).read(), newline="")
    call_command("check_focus", str(good))
    assert "It keeps the rules" in capsys.readouterr().out
    row["BilledCost"] = "much"
    bad.write_text(written([*row], *[row.values()] * 101).read(), newline="")
    with pytest.raises(CommandError, match="More than 100 faults"):
        call_command("check_focus", str(bad))
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("check_focus", str(tmp_path / f"{uuid4()}"))


def test_the_question_decides(books):
    booked("shop", AT, 1)
    booked("crm", AT, 2)
    assert exported("focus", MARCH.with_filter("service", "crm")).total_pico == 2
