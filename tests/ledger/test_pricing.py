"""Prices are applied exactly, and a bound is really a bound."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.money import line_amount
from apps.ledger.ceilings import ceiling
from apps.ledger.pricing import BILLED_AS, Unpriced, price_usage
from tests.ledger.conftest import price_row, prices

CLASSES = (
    "in_uncached",
    "in_cache_read",
    "in_cache_write",
    "in_audio",
    "out_text",
    "out_reasoning",
    "out_audio",
)
PLAIN = {"in_uncached", "out_text"}
units = st.integers(0, 10**9)
picos = st.integers(0, 10**10)
blocks = st.one_of(st.just(1), st.integers(1, 4_000_000))


def upper_bound(*, input_tokens, output_tokens, prices):
    return ceiling(input_tokens=input_tokens, answers=output_tokens > 0, prices=prices).of(
        output_tokens
    )


@st.composite
def price_lists(draw):
    """Plain input and output always have a price, any other class may have one."""
    names = PLAIN | draw(st.sets(st.sampled_from(CLASSES)))
    return [price_row(name, draw(picos), draw(blocks)) for name in names]


@settings(deadline=None)
@given(quantity=units, price=picos, block=blocks)
def test_a_line_is_the_nearest_pico_half_to_even(quantity, price, block):
    amount = line_amount(quantity=quantity, price_pico=price, per_block=block)

    assert amount == round(Fraction(quantity * price, block))


@settings(deadline=None)
@given(quantity=units, price=picos)
def test_token_prices_never_round(quantity, price):
    assert line_amount(quantity=quantity, price_pico=price) == quantity * price


@settings(deadline=None)
@given(counts=st.dictionaries(st.sampled_from(CLASSES), units), price_list=price_lists())
def test_the_amount_is_the_sum_of_its_lines_and_every_unit_is_on_one(counts, price_list):
    known = {row.usage_class for row in price_list}
    price_list += [price_row(name, 7) for name in CLASSES if name not in known]

    priced = price_usage(counts=counts, prices=price_list)

    assert priced.amount_pico == sum(line.amount_pico for line in priced.lines)
    assert {line.usage_class: line.quantity for line in priced.lines} == {
        name: count for name, count in counts.items() if count
    }
    for line in priced.lines:
        exact = Fraction(line.quantity * line.price_pico, line.per_block)
        assert line.amount_pico == round(exact)


@st.composite
def calls(draw):
    """A price list, a token bound, and usage of priced classes that stays within the bound."""
    price_list = draw(price_lists())
    bounds = {"in_": draw(units), "out_": draw(units)}
    counts = {}
    for prefix, left in bounds.items():
        names = [n for n in CLASSES if n.startswith(prefix)]
        for name in names:
            if name in {row.usage_class for row in price_list} | set(BILLED_AS):
                counts[name] = draw(st.integers(0, left))
                left -= counts[name]
    return price_list, bounds, counts


@settings(deadline=None)
@given(call=calls())
def test_no_usage_within_the_bound_costs_more_than_the_bound(call):
    price_list, bounds, counts = call

    bound = upper_bound(input_tokens=bounds["in_"], output_tokens=bounds["out_"], prices=price_list)

    assert price_usage(counts=counts, prices=price_list).amount_pico <= bound


def test_a_bound_takes_the_dearest_class_of_each_side():
    price_list = prices(in_uncached=10, in_cache_write=12, in_audio=40, out_text=50, out_audio=80)

    assert upper_bound(input_tokens=3, output_tokens=2, prices=price_list) == 3 * 40 + 2 * 80


def test_rounding_of_many_small_lines_stays_below_the_bound():
    names = ("in_uncached", "in_cache_read", "in_cache_write", "in_audio")
    price_list = [price_row(name, 6, per_block=10) for name in names]

    spent = price_usage(counts=dict.fromkeys(names, 1), prices=price_list).amount_pico

    assert spent == 4  # four times 0.6, each rounded up
    assert upper_bound(input_tokens=4, output_tokens=0, prices=price_list) == 4


@pytest.mark.parametrize(
    ("tokens", "price_list", "missing"),
    [
        ((1, 1), prices(), ("in_uncached", "out_text")),
        ((1, 1), prices(in_uncached=1), ("out_text",)),
        ((1, 0), prices(out_text=1), ("in_uncached",)),
        ((1, 0), prices(in_audio=1), ("in_uncached",)),
    ],
)
def test_a_bound_needs_prices_of_plain_tokens(tokens, price_list, missing):
    with pytest.raises(Unpriced) as caught:
        upper_bound(input_tokens=tokens[0], output_tokens=tokens[1], prices=price_list)

    assert caught.value.missing_classes == missing


def test_an_embedding_needs_no_output_price():
    assert upper_bound(input_tokens=5, output_tokens=0, prices=prices(in_uncached=20)) == 100


def test_a_class_without_a_price_is_unpriced_once_it_is_used():
    price_list = prices(in_uncached=1, out_text=2)

    assert price_usage(counts={"in_uncached": 5, "in_audio": 0}, prices=price_list).amount_pico == 5
    with pytest.raises(Unpriced) as caught:
        price_usage(counts={"in_uncached": 5, "in_audio": 1, "out_audio": 1}, prices=price_list)
    assert caught.value.missing_classes == ("in_audio", "out_audio")


@pytest.mark.parametrize("dear", ["in_cache_write", "in_audio", "in_image", "out_audio"])
def test_a_dearer_class_never_falls_back_to_the_plain_price(dear):
    with pytest.raises(Unpriced):
        price_usage(counts={dear: 1}, prices=prices(in_uncached=1, out_text=2))


def test_cached_input_and_reasoning_are_billed_as_plain_tokens_unless_priced():
    counts = {"in_uncached": 1, "in_cache_read": 10, "out_text": 1, "out_reasoning": 10}
    plain = prices(in_uncached=100, out_text=1000)

    assert price_usage(counts=counts, prices=plain).amount_pico == 11 * 100 + 11 * 1000

    own = plain + prices(in_cache_read=7, out_reasoning=9)
    assert price_usage(counts=counts, prices=own).amount_pico == 100 + 70 + 1000 + 90


def test_negative_usage_is_refused():
    with pytest.raises(ValueError, match="negative"):
        price_usage(counts={"in_uncached": -1}, prices=prices(in_uncached=1))
