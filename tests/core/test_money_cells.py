"""Amounts and times in the admin."""

import re
from datetime import UTC, datetime

import pytest

from apps.core.admin.cells import exact_money, short_time


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


def test_a_time_is_that_of_the_reports_and_names_its_zone(settings) -> None:
    settings.REPORTING_TIME_ZONE = "Asia/Tokyo"
    shown = short_time(datetime(2026, 3, 5, 22, 30, 15, tzinfo=UTC))
    assert ">06 Mar 2026 07:30 JST</time>" in shown
    assert 'title="2026-03-05 22:30:15 UTC"' in shown
