"""Files of providers: read as they are written, exactly, with every fault at its line."""

from datetime import date
from io import BytesIO

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from apps.core.money import PICO, exact_usd
from apps.reconciliation.models import Source
from apps.reconciliation.reading import rows
from apps.reconciliation.reading.amounts import amount_of, quantity_of
from apps.reconciliation.reading.costs import read_costs
from apps.reconciliation.reading.layout import layout_of
from apps.reconciliation.reading.names import KnownModel, Names
from apps.reconciliation.reading.usage import read_usage

TODAY = date(2026, 4, 2)
OPENAI = (
    "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,"
    "project_id,organization_id,organization_name"
)
AZURE = (
    "date,meterCategory,meterSubCategory,meterName,quantity,unitOfMeasure,costInBillingCurrency,"
    "billingCurrency,costInUsd,chargeType,SubscriptionId"
)


def costs(text, **source):
    layout = layout_of(Source(**({"format": "openai"} | source)))
    return read_costs(BytesIO(text.encode()), layout, today=TODAY)


def openai(day, amount, item, project="proj_1", currency="usd"):
    return f"1,2,{day}T00:00:00+00:00,x,{amount},{currency},{item},{project},org,Org"


def test_costs_of_openai():
    reading = costs(
        "\n".join(
            [
                OPENAI,
                openai("2026-03-01", "0.0561771250000000000", '"gpt-5-mini, cached input"'),
                openai("2026-03-02", "0E-6176", '"gpt-5-mini, output"'),
                openai("2026-03-03", "", "", "", ""),
            ]
        )
    )

    assert reading.faults == []
    first, second = reading.lines
    assert (first.day, first.item) == (date(2026, 3, 1), "gpt-5-mini, cached input")
    assert first.amount_pico == 56_177_125_000
    assert (first.account, first.category, first.quantity) == ("proj_1", "usage", None)
    assert second.amount_pico == 0
    assert max(reading.days) == date(2026, 3, 3)  # a day without costs is a day of it
    assert (reading.rounded, reading.decimals) == (0, 9)


def test_only_lines_of_its_own_projects_are_taken():
    text = "\n".join([OPENAI, *(openai("2026-03-01", "1", "a", f"proj_{n}") for n in range(3))])
    reading = costs(text, accounts="proj_1, proj_2")
    assert [line.account for line in reading.lines] == ["proj_1", "proj_2"]
    assert reading.left_out == 1


def test_costs_of_azure():
    text = f"""{AZURE}
03/31/2026,Foundry Models,GPT5,GPT 5 Mini outpt Gl 1M Tokens,2.337559,1M,1.2,EUR,1.4025354,Usage,s
03/31/2026,Azure OpenAI,OpenAI,gpt-4.1-Inp-glbl Tokens,77469.256,1K,9,EUR,11.62,Usage,s
03/31/2026,Virtual Machines,Dv5,D2 v5,24,1 Hour,3,EUR,3.5,Usage,s
03/31/2026,Foundry Models,OpenAI,Provisioned,24,1 Hour,3,EUR,-3.5,Refund,s
"""
    reading = costs(text, format="azure")

    assert reading.faults == []
    assert reading.left_out == 1  # of another service
    output, plain, refund = reading.lines
    assert (output.day, output.quantity) == (date(2026, 3, 31), 2_337_559)
    assert output.amount_pico == 1_402_535_400_000  # in dollars, whatever the invoice is in
    assert plain.quantity == 77_469_256
    assert (refund.category, refund.quantity) == ("credit", None)


def test_azure_may_count_single_tokens_whatever_its_unit_says():
    row = "03/31/2026,Azure OpenAI,GPT5,GPT 5 Mini outpt Gl 1M Tokens,2337559,1M,9,USD,1.4,Usage,s"
    reading = costs(f"{AZURE}\n{row}", format="azure", quantity_unit="1")
    assert [line.quantity for line in reading.lines] == [2_337_559]


GENERIC = {
    "format": "generic",
    "day_column": "Tag",
    "item_column": "Modell",
    "amount_column": "Kosten",
    "quantity_column": "Menge",
    "currency_column": "Waehrung",
    "date_format": "european",
    "quantity_unit": "1000",
}


def test_another_csv_with_named_columns():
    text = "\ufeffTag;Modell;Menge;Kosten;Waehrung\r\n31.03.2026;gpt;1.5;0.25;USD\r\n"
    reading = costs(text, **GENERIC)

    assert reading.faults == []
    (line,) = reading.lines
    assert (line.day, line.item) == (date(2026, 3, 31), "gpt")
    assert (line.quantity, line.amount_pico) == (1500, PICO // 4)


def test_every_fault_is_told_with_its_line():
    text = "\n".join(
        [
            "Tag;Modell;Menge;Kosten;Waehrung",
            "2026-13-31;gpt;x;1,25;EUR",
            "31.03.2026;gpt;1;1.25;USD",
            "31.03.1999;gpt;1;NaN;USD",
            "31.03.2026;gpt;1;1e40;USD",
        ]
    )
    faults = [str(fault) for fault in costs(text, **GENERIC).faults]

    assert len(faults) == 7
    assert faults[0].startswith("Line 2: “2026-13-31” is no day as in 31.10.2026")
    assert faults[1].startswith("Line 2: Write it with a point and without a comma")
    assert faults[2].startswith("Line 2: The currency is “EUR”")
    assert faults[3] == "Line 2: “x” is not a quantity."
    assert faults[4] == "Line 4: 1999-03-31 is no day of the last ten years."
    assert faults[5] == "Line 4: “NaN” is not an amount of dollars."
    assert faults[6] == "Line 5: “1e40” is not an amount of dollars."


def test_a_decimal_comma_of_a_quantity_is_no_guess():
    with pytest.raises(ValidationError):
        quantity_of("1,234", unit="1")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a,b\n1,2\n", "Columns are missing: start_time_iso or start_time or date; line_item; "),
        ("line_item,line_item\n", "Two columns have the name line_item."),
        (OPENAI + '\n"open', "No CSV"),
    ],
)
def test_what_is_no_such_file_says_so(text, fault):
    (found,) = costs(text).faults
    assert str(found).startswith(fault)


def test_other_encodings_are_refused():
    layout = layout_of(Source(format="openai"))
    (fault,) = read_costs(BytesIO(f"{OPENAI}\n\xe4".encode("latin-1")), layout, today=TODAY).faults
    assert str(fault).startswith("Not UTF-8.")


def test_size_is_bounded(monkeypatch):
    monkeypatch.setattr(rows, "MAX_LINES", 2)
    text = "\n".join([OPENAI, *[openai("2026-03-01", "1", "a")] * 3])
    (fault,) = costs(text).faults
    assert str(fault).startswith("More than 2 lines.")

    monkeypatch.setattr(rows, "MAX_BYTES", 5)
    with pytest.raises(rows.Unreadable, match="Larger than"):
        rows.stamp(BytesIO(b"123456"))
    with pytest.raises(rows.Unreadable, match="empty"):
        rows.stamp(BytesIO(b""))


@pytest.mark.parametrize(
    "data", [OPENAI.encode("utf-16-le"), b"PK\x03\x04\x14\x00", b"a,b\n1,\0\n"]
)
def test_what_is_no_text_is_told_before_it_is_read(data):
    with pytest.raises(rows.Unreadable, match="Not UTF-8"):
        rows.stamp(BytesIO(data))


def test_a_line_that_is_there_twice_is_marked():
    line = openai("2026-03-01", "1", "a")
    reading = costs("\n".join([OPENAI, line, openai("2026-03-01", "2", "a"), line, line]))
    assert [found.is_repeat for found in reading.lines] == [False, False, True, True]


def test_usage_of_openai_counts_no_token_twice():
    text = (
        "start_time_iso,project_id,num_model_requests,model,input_tokens,output_tokens,"
        "input_cached_tokens,input_cache_write_tokens\n"
        "2026-03-01T00:00:00+00:00,proj_1,7,gpt-5-mini,1000,50,300,100\n"
        "2026-03-02T00:00:00+00:00,,,,,,,\n"
    )
    reading = read_usage(BytesIO(text.encode()), accounts=frozenset(), today=TODAY)

    assert reading.faults == []
    assert {line.item: line.quantity for line in reading.lines} == {
        "gpt-5-mini, input": 600,
        "gpt-5-mini, cached input": 300,
        "gpt-5-mini, cache writes": 100,
        "gpt-5-mini, output": 50,
    }
    assert {line.calls for line in reading.lines} == {7}
    assert all(line.amount_pico is None for line in reading.lines)


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_amounts_are_exact(pico):
    assert amount_of(exact_usd(pico)).pico == pico
    assert not amount_of(exact_usd(pico)).was_finer


@given(st.integers(-(10**18), 10**18), st.integers(1, 10**20 - 1))
def test_what_is_finer_than_a_pico_dollar_is_rounded_and_counted(pico, noise):
    text = f"{exact_usd(pico)}{noise:020d}"
    found = amount_of(text)
    assert abs(found.pico - pico) <= 1
    assert found.was_finer == bool(noise)


@pytest.mark.parametrize(
    ("text", "pico"),
    [("$1,234.50", 1_234_500_000_000_000), ("-0.5", -PICO // 2), ("1.005", 1_005_000_000_000)],
)
def test_amounts_as_people_write_them(text, pico):
    assert amount_of(text).pico == pico


@pytest.mark.parametrize("text", ["0,15", "1.234,50", "1,234", "", "x", "inf", "9" * 200, "1e-99"])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(ValidationError):
        amount_of(text)


@pytest.mark.parametrize(
    ("unit", "quantity"),
    [("1M", 2_500_000), ("1K", 2500), ("1 K", 2500), ("1000 Tokens", 2500), ("1 Hour", None)],
)
def test_units_of_measure(unit, quantity):
    assert quantity_of("2.5", unit="stated", unit_of_measure=unit) == quantity


NAMES = Names(
    [
        KnownModel("gpt-5-mini", ("prod-mini",), is_embedding=False),
        KnownModel("gpt-5.4", (), is_embedding=False),
        KnownModel("gpt-4o-mini", (), is_embedding=False),
        KnownModel("embed-3", ("text-embedding-3-small",), is_embedding=True),
        KnownModel("one", ("same",), is_embedding=False),
        KnownModel("two", ("same",), is_embedding=False),
    ],
    {"web search tool calls": ("gpt-5-mini", "web_search")},
)


@pytest.mark.parametrize(
    ("item", "meaning"),
    [
        ("gpt-4o-mini-2024-07-18, input", ("gpt-4o-mini", "in_uncached")),
        ("gpt-4o-mini-2024-07-18, cached input", ("gpt-4o-mini", "in_cache_read")),
        ("priority | gpt-5-mini, output, long context", ("gpt-5-mini", "out_text")),
        ("gpt-5-mini, cache writes", ("gpt-5-mini", "in_cache_write")),
        ("prod-mini, out_reasoning", ("gpt-5-mini", "out_text")),
        ("GPT 5 Mini cchd Inpt Glbl 1M Tokens", ("gpt-5-mini", "in_cache_read")),
        ("GPT 5 Mini outpt Glbl 1M Tokens", ("gpt-5-mini", "out_text")),
        ("5.4 cd inp Gl 1M Tokens", ("gpt-5.4", "in_cache_read")),
        ("text-embedding-3-small", ("embed-3", "in_uncached")),
        ("gpt-5-mini", ("gpt-5-mini", "")),
        ("web search tool calls", ("gpt-5-mini", "web_search")),
        ("gpt-9, output", ("gpt-9, output", "unmatched")),
        ("same, output", ("same, output", "unmatched")),
        ("gpt-5-mini, fairy dust", ("gpt-5-mini, fairy dust", "unmatched")),
    ],
)
def test_words_are_understood_or_left_to_people(item, meaning):
    assert NAMES.meaning(item, "usage") == meaning


@given(st.text())
def test_any_words_have_a_meaning(item):
    model, meter = NAMES.meaning(item, "usage")
    assert meter == "unmatched" or model
