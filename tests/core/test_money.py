"""Exact money."""

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from apps.core.forms import USDFormField
from apps.core.money import PICO, exact_usd, line_amount, pico_from_usd, short_usd, usd_beside

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


NO_AMOUNTS = [
    "NaN",
    "Infinity",
    "ten",
    "",
    "9" * 5000,
    "1e400",
    "1e999999999",
    "1e99999999999999999999",
]


@pytest.mark.parametrize(
    "text", ["0.0000000000001", "1e-13", f"1.{'0' * 40}1", f"{PICO}.{'0' * 20}1", *NO_AMOUNTS]
)
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


@pytest.mark.parametrize(
    ("amount", "whole", "text"),
    [
        (614_747 * 10**6, 33 * PICO, "$0.61"),
        (-614_747 * 10**6, 33 * PICO, "-$0.61"),
        (PICO // 100, 33 * PICO, "$0.01"),
        (1, 33 * PICO, "<$0.01"),
        (-1, -33 * PICO, "-<$0.01"),
        (0, 33 * PICO, "$0.00"),
        (1234 * PICO, PICO, "$1,234.00"),
        (614_747 * 10**6, PICO - 1, "$0.614747"),
    ],
)
def test_beside_dollars_all_amounts_have_two_decimals(amount, whole, text):
    assert usd_beside(amount, whole) == text


@pytest.mark.parametrize(
    ("typed", "amount"),
    [
        ("1234.5", 12345 * PICO // 10),
        ("$1,234.50", 12345 * PICO // 10),
        ("1,000,000.00", 10**6 * PICO),
        ("$0.15", 15 * PICO // 100),
        ("", None),
    ],
)
def test_what_a_person_types(typed, amount):
    assert USDFormField(required=False).clean(typed) == amount


@pytest.mark.parametrize(
    "typed",
    ["0,15", "1,5", "1,000", "1.000,50", "1.000.000,00", "0,150.0", "1,00,000.0", "1,234.5,6"],
)
def test_a_comma_that_may_be_the_decimal_one_is_not_guessed_away(typed):
    with pytest.raises(ValidationError, match="with a point"):
        USDFormField().clean(typed)
