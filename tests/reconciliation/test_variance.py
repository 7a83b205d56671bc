"""The columns add up to the difference, whatever happened, and each is what its name says."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.reconciliation.types import METERS, Column, Key, Side
from apps.reconciliation.variance import compare, split, totals

DAY = date(2026, 3, 5)
amounts = st.integers(-(10**20), 10**20)
maybe = st.none() | st.integers(0, 10**12)
sides = st.builds(Side, amounts, maybe, maybe, st.integers(1, 1000))
keys = st.builds(
    Key,
    st.integers(0, 4).map(lambda n: DAY + timedelta(days=n)),
    st.sampled_from(["", "a", "b"]),
    st.sampled_from(sorted(METERS)),
)
grains = st.sampled_from([1, 10**6, 10**10])


@given(
    ours=st.dictionaries(keys, sides),
    theirs=st.dictionaries(keys, sides),
    repeated=st.dictionaries(keys, amounts),
    grain=grains,
)
def test_columns_add_up_to_the_last_pico_dollar(ours, theirs, repeated, grain):
    rows = compare(ours=ours, theirs=theirs, repeated=repeated, grain=grain)

    assert [row.key for row in rows] == sorted({*ours, *theirs, *repeated})
    for row in rows:
        assert list(row.columns) == list(Column)
        assert all(type(amount) is int for amount in row.columns.values())
        on_their_side = (row.theirs.amount_pico if row.theirs else 0) + repeated.get(row.key, 0)
        assert row.difference == on_their_side - (row.ours.amount_pico if row.ours else 0)
    whole = sum(one.amount_pico for one in theirs.values()) + sum(repeated.values())
    whole -= sum(one.amount_pico for one in ours.values())
    assert sum(totals(rows).values()) == whole
    assert totals(rows)[Column.TIMING] == 0


@given(sides=st.dictionaries(keys, sides), grain=grains)
def test_equal_books_differ_by_nothing(sides, grain):
    found = totals(compare(ours=sides, theirs=sides, grain=grain))
    assert set(found.values()) == {0}


def columns_of(ours, theirs, meter="out_text", **values):
    return {c: n for c, n in split(meter, ours, theirs, **values).items() if n}


OURS = Side(1000, quantity=10, calls=2)


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        (Side(1500, quantity=15, calls=3), {Column.CAPTURE: 500}),
        (Side(1200, quantity=12, calls=2), {Column.TOKENS: 200}),
        (Side(1100, quantity=10, calls=2), {Column.PRICE: 100}),
        (Side(1950, quantity=15, calls=3), {Column.CAPTURE: 500, Column.PRICE: 450}),
        # who counts no calls cannot tell a missing one from fewer tokens
        (Side(1500, quantity=15), {Column.TOKENS: 500}),
        (Side(1500, calls=3), {Column.CAPTURE: 500}),
        (Side(1500), {Column.REST: 500}),
        (None, {Column.CAPTURE: -1000}),
    ],
)
def test_each_column_is_what_it_says(theirs, expected):
    assert columns_of(OURS, theirs) == expected


def test_what_only_they_have_is_capture():
    assert columns_of(None, Side(700, quantity=7)) == {Column.CAPTURE: 700}
    # booked and taken back: nothing on our side either
    assert columns_of(Side(0, quantity=0), Side(700, quantity=7)) == {Column.CAPTURE: 700}


def test_rounding_is_at_most_half_a_grain_for_each_line():
    def left(amount, lines):
        return columns_of(OURS, Side(amount, quantity=10, calls=2, lines=lines), grain=100)

    assert left(1050, 1) == {Column.ROUNDING: 50}
    assert left(1051, 1) == {Column.PRICE: 51}
    assert left(1051, 2) == {Column.ROUNDING: 51}


@pytest.mark.parametrize(
    ("meter", "column"),
    [
        ("credit", Column.CREDIT),
        ("discount", Column.DISCOUNT),
        ("tax", Column.TAX),
        ("other", Column.REST),
        ("unmatched", Column.REST),
    ],
)
def test_what_is_no_usage_has_a_column_of_its_own(meter, column):
    assert columns_of(None, Side(-70), meter) == {column: -70}
    assert columns_of(Side(-50), Side(-70), meter) == {column: -20}


def days(*amounts, start=0):
    return {
        Key(DAY + timedelta(days=start + n), "m", "out_text"): Side(a)
        for n, a in enumerate(amounts)
    }


def moved(ours, theirs):
    rows = compare(ours=ours, theirs=theirs)
    return [row.columns[Column.TIMING] for row in rows], sum(
        abs(n) for row in rows for c, n in row.columns.items() if c != Column.TIMING
    )


def test_the_same_amount_a_day_later_is_timing():
    assert moved(days(10), days(10, start=1)) == ([-10, 10], 0)
    assert moved(days(10, 20, 30), days(3, 27, 30)) == ([-7, 7, 0], 0)
    # two days later is no matter of a day's edge
    assert moved(days(10), days(10, start=2)) == ([0, 0], 20)
    # another amount neither
    assert moved(days(10), days(11, start=1)) == ([0, 0], 21)


def test_a_day_lends_its_amount_once():
    assert moved(days(10, 0, 10), days(0, 10, 0))[0] == [-10, 10, 0]
