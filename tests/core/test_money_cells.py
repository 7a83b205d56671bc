"""Amounts in the admin."""

import re

import pytest

from apps.core.admin.cells import exact_money


@pytest.mark.parametrize(
    ("pico", "shown"),
    [
        (2_200_000, "$0.0000022"),
        (0, "$0.00"),
        (3_100_000_000_000, "$3.10"),
        (-1, "-$0.000000000001"),
        (-4_261_306_399_203_600, "-$4,261.3063992036"),
        (None, "–"),
    ],
)
def test_an_exact_amount_ends_with_its_last_digit(pico: int | None, shown: str) -> None:
    assert re.sub("<[^>]+>", "", exact_money(pico)) == shown
