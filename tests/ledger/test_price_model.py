"""Tiers and steps, against a model of fractions: equal to the pico, and never above the ceiling."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.ledger.ceilings import ceiling, expected_tiers, lowest, possible_tiers
from apps.ledger.pricing import Unpriced, price_usage
from tests.ledger.conftest import price_row

CLASSES = (
    *("in_uncached", "in_cache_read", "in_cache_write", "in_cache_write_5m", "in_cache_write_1h"),
    *("out_text", "out_reasoning", "web_search", "requests"),
)
USED = [name for name in CLASSES if name != "requests"]  # which nobody reports: one each
PLAIN_OF = {
    "in_cache_read": "in_uncached",
    "in_cache_write_5m": "in_cache_write",
    "out_reasoning": "out_text",
}
TIERS = ("default", "flex", "priority", "batch")
STEPS = (0, 1000, 200_001)
counts = st.dictionaries(st.sampled_from(USED), st.integers(0, 300_000))
asked = st.sampled_from(["", "auto", "default", "flex", "priority", "standard"])


@st.composite
def price_lists(draw, complete=()):
    """Any rows in any order, one of a kind; of `complete` tiers none is missing."""
    kinds = draw(
        st.sets(st.tuples(st.sampled_from(CLASSES), st.sampled_from(TIERS), st.sampled_from(STEPS)))
    )
    needed = ("in_uncached", "in_cache_write", "in_cache_write_1h", "out_text", "web_search")
    if any(name == "requests" for name, *_ in kinds):
        needed = (*needed, "requests")
    kinds |= {(name, tier, 0) for tier in complete for name in needed}
    return [
        price_row(
            name,
            draw(st.integers(0, 10**8)),
            draw(st.sampled_from([1, 1, 7, 3_600_000])),
            service_tier=tier,
            min_input_tokens=step,
        )
        for name, tier, step in draw(st.permutations(sorted(kinds)))
    ]


def model_price(rows, tier, name, whole_input):
    """The row of the highest step reached, of the class or else of the plain one. None: no price"""
    for billed_as in (name, PLAIN_OF.get(name)):
        found = [
            row
            for row in rows
            if (row.usage_class, row.service_tier) == (billed_as, tier)
            and whole_input >= row.min_input_tokens
        ]
        if found:
            best = max(found, key=lambda row: row.min_input_tokens)
            return Fraction(best.price_pico, best.per_block)
    return None


def model_cost(rows, tier, used):
    whole_input = sum(count for name, count in used.items() if name.startswith("in_"))
    if any(row.usage_class == "requests" for row in rows):
        used = {**used, "requests": 1}
    prices = {name: model_price(rows, tier, name, whole_input) for name, n in used.items() if n}
    if None in prices.values():
        return None
    return sum(round(used[name] * price) for name, price in prices.items())


@settings(deadline=None, max_examples=500)
@given(rows=price_lists(), used=counts, tier=st.sampled_from(TIERS))
def test_a_price_is_that_of_the_model_to_the_pico_or_there_is_none(rows, used, tier):
    expected = model_cost(rows, tier, used)

    if expected is None:
        with pytest.raises(Unpriced) as caught:
            price_usage(counts=used, prices=rows, tier=tier)
        assert caught.value.tier == tier
        return
    priced = price_usage(counts=used, prices=rows, tier=tier)
    assert priced.amount_pico == expected
    assert {line.service_tier for line in priced.lines} <= {tier}


@settings(deadline=None, max_examples=500)
@given(data=st.data(), used=counts, word=asked, more=st.tuples(*[st.integers(0, 300_000)] * 2))
def test_no_tier_step_or_class_that_a_call_may_land_in_costs_more_than_its_ceiling(
    data, used, word, more
):
    rows = data.draw(price_lists(complete=expected_tiers(word)))
    read = sum(count for name, count in used.items() if name.startswith("in_"))
    said = sum(count for name, count in used.items() if name.startswith("out_"))
    bound = read + more[0]

    top = ceiling(
        input_tokens=bound,
        answers=True,
        prices=rows,
        asked_tier=word,
        searches=used.get("web_search", 0),
    ).of(said + more[1])

    costs = [model_cost(rows, tier, used) for tier in possible_tiers(word, rows)]
    assert any(cost is not None for cost in costs)
    for cost in costs:
        assert cost is None or lowest_of(rows, word, bound, used) <= cost <= top


def lowest_of(rows, word, bound, used):
    said = [n for name, n in used.items() if name.startswith("out_")]
    read = [n for name, n in used.items() if name.startswith("in_")]
    return lowest(
        input_tokens=sum(read), output_tokens=sum(said), at_most=bound, prices=rows, tier=word
    )


@pytest.mark.parametrize(
    ("tokens", "step"), [(0, 0), (200_000, 0), (200_001, 200_001), (400_000, 200_001)]
)
def test_a_step_reprices_the_whole_call_from_its_first_token_on(tokens, step):
    rows = [
        price_row(name, pico, min_input_tokens=start)
        for name, start, pico in (
            ("in_uncached", 0, 10), ("in_uncached", 200_001, 20),
            ("out_text", 0, 100), ("out_text", 200_001, 150),
        )
    ]  # fmt: skip

    priced = price_usage(counts={"in_uncached": tokens, "out_text": 1}, prices=rows)

    price = (20, 150) if step else (10, 100)
    assert priced.amount_pico == tokens * price[0] + price[1]
    assert {line.min_input_tokens for line in priced.lines} == {step}


def test_what_is_cached_counts_for_the_step():
    rows = [price_row("in_uncached", 10), price_row("in_uncached", 20, min_input_tokens=1000)]

    priced = price_usage(counts={"in_uncached": 1, "in_cache_read": 999}, prices=rows)

    assert priced.amount_pico == 1000 * 20


def test_a_tier_without_a_row_is_never_the_standard_price():
    rows = [price_row("in_uncached", 10), price_row("out_text", 1)]

    with pytest.raises(Unpriced, match="out_text in the service tier “flex”"):
        price_usage(
            counts={"out_text": 1},
            prices=[*rows, price_row("in_uncached", 5, service_tier="flex")],
            tier="flex",
        )


@pytest.mark.parametrize(
    ("word", "top"),
    [("default", 10), ("standard", 10), ("flex", 10), ("priority", 30), ("auto", 30), ("", 30)],
)
def test_a_ceiling_is_of_the_tiers_that_an_answer_may_be_billed_at(word, top):
    rows = [
        price_row(name, pico, service_tier=tier)
        for tier, pico in (("default", 10), ("flex", 5), ("priority", 30))
        for name in ("in_uncached", "out_text")
    ]

    found = ceiling(input_tokens=1, answers=True, prices=rows, asked_tier=word)

    assert (found.base_pico, found.token_pico) == (top, top)


@pytest.mark.parametrize("word", ["scale", "flex"])
def test_a_tier_that_was_asked_for_needs_a_price_as_the_standard_one_does(word):
    plain = [price_row("in_uncached", 1), price_row("out_text", 1)]
    only = [price_row(row.usage_class, 1, service_tier=word) for row in plain]

    for rows, missing in ((plain, word), (only, "default")):
        with pytest.raises(Unpriced) as caught:
            ceiling(input_tokens=1, answers=True, prices=rows, asked_tier=word)
        assert caught.value.tier == missing
    assert ceiling(input_tokens=1, answers=True, prices=plain + only, asked_tier=word).of(1) == 2


def test_a_price_that_begins_with_a_long_input_leaves_the_short_ones_without():
    rows = [price_row("in_uncached", 1, min_input_tokens=1), price_row("out_text", 1)]

    with pytest.raises(Unpriced, match="in_uncached"):
        ceiling(input_tokens=500, answers=True, prices=rows)


def test_one_more_token_of_the_answer_costs_what_it_does_at_the_highest_step_in_reach():
    """A budget shortens an answer by this: with the price of a short call it would be too long."""
    rows = [price_row("in_uncached", 1), price_row("out_text", 1)]
    rows += [price_row("out_text", 3, min_input_tokens=100)]

    assert ceiling(input_tokens=99, answers=True, prices=rows).token_pico == 1
    assert ceiling(input_tokens=100, answers=True, prices=rows).token_pico == 3
