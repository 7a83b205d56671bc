"""A month with one error of each kind: all are found, each in its own column, to the last
pico-dollar."""

from dataclasses import replace
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.money import PICO, exact_usd
from apps.reconciliation.models import Source
from apps.reconciliation.selectors import unknown_items
from apps.reconciliation.services.importing import Upload
from apps.reconciliation.types import Column, Key, Side
from apps.reconciliation.variance import compare, totals
from tests.reconciliation.month import (
    MODELS,
    PRICES,
    Claim,
    agreeing,
    book_month,
    bridge,
    day,
    imported,
    make_provider_with_models,
    text_of,
)

pytestmark = pytest.mark.django_db
LARGE = MODELS["large"][0] * PRICES["in_uncached"], MODELS["large"][1] * PRICES["out_text"]
SMALL = MODELS["small"][0] * PRICES["in_uncached"], MODELS["small"][1] * PRICES["out_text"]
RARE = MODELS["rare"][0] * PRICES["in_uncached"], MODELS["rare"][1] * PRICES["out_text"]


@pytest.fixture
def acme():
    provider = make_provider_with_models()
    book_month()
    return provider


def test_the_statement_that_agrees_differs_by_nothing(acme):
    statement = imported(text_of(agreeing().values()), acme)

    assert statement.ours_pico == statement.theirs_pico > 0
    assert bridge(statement) == {}
    assert statement.differences.count() == len(agreeing())


def calls(lines, number, model, count):
    for meter in ("input", "output"):
        lines[number, model, meter] = lines[number, model, meter].calls(count)


def missing_call(lines):
    calls(lines, 2, "large", -1)
    return {"capture": -sum(LARGE)}


def missing_only_call_of_a_day(lines):
    del lines[4, "rare", "input"], lines[4, "rare", "output"]
    return {"capture": -sum(RARE)}


def extra_call(lines):
    calls(lines, 6, "small", 1)
    return {"capture": sum(SMALL)}


def more_tokens(lines):
    line = lines[8, "large", "output"]
    lines[8, "large", "output"] = replace(
        line, tokens=line.tokens + 77, pico=line.pico + 77 * PRICES["out_text"]
    )
    return {"tokens": 77 * PRICES["out_text"]}


def dearer(lines):
    line = lines[10, "small", "input"]
    lines[10, "small", "input"] = replace(line, pico=line.pico + line.tokens * 2_000)
    return {"price": line.tokens * 2_000}


def shifted_day(lines):
    calls(lines, 12, "large", -1)
    calls(lines, 13, "large", 1)
    return {}  # the two days cancel out


def credit(lines):
    lines["credit"] = Claim(day(15), "", "", 0, 0, -5 * PICO, "credit")
    return {"credit": -5 * PICO}


def discount(lines):
    lines["discount"] = Claim(day(16), "large", "", 0, 0, -3 * PICO, "discount")
    return {"discount": -3 * PICO}


def tax(lines):
    lines["tax"] = Claim(day(31), "", "", 0, 0, 19 * PICO // 100, "tax")
    return {"tax": 19 * PICO // 100}


def repeated_line(lines):
    lines["again"] = lines[18, "small", "output"]
    return {"repeated": lines[18, "small", "output"].pico}


def unknown_model(lines):
    lines["unknown"] = Claim(day(20), "nobody-knows-me", "output", 10, 1, 7 * PICO)
    return {"rest": 7 * PICO}


PLANTS = (
    missing_call,
    missing_only_call_of_a_day,
    extra_call,
    more_tokens,
    dearer,
    shifted_day,
    credit,
    discount,
    tax,
    repeated_line,
    unknown_model,
)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_one_error_is_in_its_column_alone(acme, plant):
    lines = agreeing()
    planted = plant(lines)

    statement = imported(text_of(lines.values()), acme)

    assert bridge(statement) == planted
    assert statement.theirs_pico - statement.ours_pico == sum(planted.values())


def test_all_errors_at_once_are_each_in_their_column(acme):
    lines, planted = agreeing(), {}
    for plant in PLANTS:
        for column, amount in plant(lines).items():
            planted[column] = planted.get(column, 0) + amount

    statement = imported(text_of(lines.values()), acme)

    assert bridge(statement) == planted
    differing = statement.differences.exclude(difference_pico=0)
    assert {(row.day, row.model, row.meter) for row in differing.exclude(timing_pico=0)} == {
        (day(number), "large", meter)
        for number in (12, 13)
        for meter in ("in_uncached", "out_text")
    }
    assert {row.day.day for row in differing} == {2, 4, 6, 8, 10, 12, 13, 15, 16, 18, 20, 31}


def test_lines_rounded_to_cents_are_rounding(acme):
    cents = PICO // 100
    lines = {
        key: replace(line, pico=(line.pico + cents // 2) // cents * cents)
        for key, line in agreeing().items()
    }
    off = sum(line.pico for line in lines.values()) - sum(line.pico for line in agreeing().values())

    statement = imported(text_of(lines.values()), acme)

    assert statement.grain_pico == cents
    assert bridge(statement) == {"rounding": off}


def test_a_statement_without_meters_is_compared_by_day_and_model(acme):
    lines = [
        replace(line, meter="", tokens=line.tokens + other.tokens, pico=line.pico + other.pico)
        for (number, model, meter), line in agreeing().items()
        if meter == "input"
        for other in [agreeing()[number, model, "output"]]
    ]
    lines[0] = lines[0].calls(1)

    statement = imported(text_of(lines), acme)

    assert bridge(statement) == {"capture": sum(LARGE)}
    assert set(statement.differences.values_list("meter", flat=True)) == {""}


def test_a_line_without_a_meter_among_others_is_not_matched(acme):
    lines = agreeing()
    odd = Claim(day(20), "large-eu", "", 10, 1, 7 * PICO)

    statement = imported(text_of([*lines.values(), odd]), acme)

    assert bridge(statement) == {"rest": 7 * PICO}
    assert unknown_items(statement) == ["large-eu"]


def test_a_file_of_usage_tells_calls_tokens_and_prices_apart():
    """OpenAI's costs name money alone; its usage names tokens and calls."""
    openai = make_provider_with_models("openai")
    openai.vendor = "openai"
    openai.save()
    Source.objects.all().delete()
    book_month("openai")
    lines = agreeing()
    planted = {}
    for plant in (missing_call, more_tokens, dearer):
        planted |= plant(lines)
    head = "start_time_iso,amount_value,amount_currency,line_item,project_id"
    money = [
        f'{line.day}T00:00:00+00:00,{exact_usd(line.pico)},usd,"{line.model}, {line.meter}",p'
        for line in lines.values()
    ]
    usage = ["start_time_iso,num_model_requests,model,input_tokens,output_tokens"]
    for (number, model, meter), line in lines.items():
        if meter == "input":
            out = lines[number, model, "output"].tokens
            usage.append(f"{line.day}T00:00:00Z,{line.requests},{model},{line.tokens},{out}")
    more = Upload("usage.csv", BytesIO("\n".join(usage).encode()))

    statement = imported("\n".join([head, *money]), openai, usage=more)

    assert bridge(statement) == planted
    assert [file.kind for file in statement.files.all()] == ["costs", "usage"]


# Many months at once, without a database: errors at keys of different days.
CELLS = [Key(day(n), model, "out_text") for n in range(1, 29, 3) for model in ("a", "b")]
sizes = st.integers(1, 10**6)


@st.composite
def months(draw):
    """Our side, theirs with errors, and what was planted."""
    ours, theirs, planted = {}, {}, dict.fromkeys(Column, 0)
    for key in CELLS:
        count, tokens, price = draw(sizes), draw(sizes), draw(sizes)
        a_call = tokens * price
        ours[key] = Side(count * a_call, count * tokens, count)
        kind, more = draw(st.sampled_from([*Column, None])), draw(sizes)
        theirs[key] = ours[key]
        if kind == Column.CAPTURE:
            theirs[key] = Side((count + more) * a_call, (count + more) * tokens, count + more)
            planted[kind] += more * a_call
        elif kind == Column.TOKENS:
            theirs[key] = Side(count * a_call + more * price, count * tokens + more, count)
            planted[kind] += more * price
        elif kind == Column.PRICE:
            theirs[key] = Side(count * tokens * (price + more), count * tokens, count)
            planted[kind] += count * tokens * more
        elif kind == Column.TIMING:
            next_day = key._replace(day=key.day.replace(day=key.day.day + 1))
            theirs[next_day] = theirs.pop(key)
        elif kind in (Column.CREDIT, Column.DISCOUNT, Column.TAX):
            theirs[key._replace(meter=str(kind))] = Side(-more)
            planted[kind] -= more
        elif kind == Column.REST:
            theirs[key._replace(model=f"no {key.model}", meter="unmatched")] = Side(more)
            planted[kind] += more
    return ours, theirs, planted


@given(months())
def test_whatever_is_planted_is_found(month):
    ours, theirs, planted = month
    found = totals(compare(ours=ours, theirs=theirs))
    assert {c: n for c, n in found.items() if n} == {c: n for c, n in planted.items() if n}
