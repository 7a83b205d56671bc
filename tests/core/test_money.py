"""Exact money."""

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from apps.core.money import PICO, exact_usd, line_amount, pico_from_usd, short_usd

amounts = st.integers(min_value=-(2**63), max_value=2**63 - 1)


@given(amounts)
def test_an_amount_survives_text_and_back(amount):
    assert pico_from_usd(exact_usd(amount)) == amount


@given(st.integers(0, 10**9), st.integers(0, 10**12), st.integers(1, 10**7))
def test_a_line_is_rounded_half_to_even_and_only_once(quantity, price, block):
    with localcontext() as context:
        context.prec = 60
        exact = Decimal(quantity) * price / block
        expected = int(exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
    assert line_amount(quantity=quantity, price_pico=price, per_block=block) == expected


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_token_price_never_rounds(quantity, price):
    assert line_amount(quantity=quantity, price_pico=price) == quantity * price


@pytest.mark.parametrize("text", ["0.0000000000001", "NaN", "Infinity", "ten", "", "1e-13"])
def test_what_is_no_exact_amount_is_refused(text):
    with pytest.raises(ValidationError):
        pico_from_usd(text)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "$0.00"),
        (PICO, "$1.00"),
        (1234 * PICO + PICO // 2, "$1,234.50"),
        (150_000, "$0.00000015"),
        (1, "$0.000000000001"),
        (-PICO, "-$1.00"),
        (PICO // 2, "$0.500000"),
    ],
)
def test_people_see_short_amounts_and_never_zero_for_something(amount, text):
    assert short_usd(amount) == text
