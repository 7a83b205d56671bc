"""The effects add up to the change, whatever happened, and each is what its name says."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.finance.bridge import Effect, bridge
from apps.finance.types import Sums

counts = st.integers(0, 10**6)


@st.composite
def sums(draw):
    hits, answered, lost = draw(counts), draw(counts), draw(counts)
    amount = draw(st.integers(-(10**20), 10**20))
    return Sums(
        calls=hits + answered + lost,
        answers=hits + answered,
        hits=hits,
        input_tokens=draw(st.integers(-(10**6), 10**9)),
        output_tokens=draw(counts),
        amount_pico=amount,
        adjusted_pico=draw(st.integers(-(10**15), 10**15)),
    )


periods = st.dictionaries(st.sampled_from([("p", "a"), ("p", "b"), ("q", "a")]), sums())


@given(before=periods, after=periods)
def test_effects_add_up_to_the_last_pico_dollar(before, after):
    found = bridge(before=before, after=after)

    assert [step.effect for step in found.steps] == list(Effect)
    assert all(type(step.amount) is int for step in found.steps)
    assert sum(step.amount for step in found.steps) == found.change
    assert found.before == sum(one.amount_pico for one in before.values())
    assert found.after == sum(one.amount_pico for one in after.values())


@given(period=periods)
def test_without_a_change_there_is_no_effect(period):
    assert [step.amount for step in bridge(before=period, after=period).steps] == [0] * len(Effect)


@given(before=periods, after=periods)
def test_back_again_undoes_the_whole(before, after):
    there, back = bridge(before=before, after=after), bridge(before=after, after=before)
    assert there.change == -back.change


def model(calls=100, *, answers=None, hits=0, tokens=1000, price=50, adjusted=0):
    """`tokens` in all, each for `price`."""
    return Sums(
        calls=calls,
        answers=calls if answers is None else answers,
        hits=hits,
        input_tokens=tokens,
        amount_pico=tokens * price + adjusted,
        adjusted_pico=adjusted,
    )


def effects(before, after):
    steps = bridge(before=before, after=after).steps
    return {str(step.effect): step.amount for step in steps if step.amount}


BASE = {("p", "a"): model()}


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ({("p", "a"): model(200, tokens=2000)}, {"volume": 50_000}),
        ({("p", "a"): model(price=60)}, {"price": 10_000}),
        ({("p", "a"): model(tokens=1500)}, {"tokens": 25_000}),
        ({("p", "a"): model(answers=80)}, {"volume": -10_000, "retries": 10_000}),
        ({("p", "a"): model(100, hits=50, tokens=500)}, {"cache": -25_000}),
        ({("p", "b"): model(price=80)}, {"mix": 30_000}),
        ({("p", "a"): model(adjusted=-7)}, {"other": -7}),
        ({}, {"volume": -50_000}),
    ],
)
def test_one_thing_that_changed_is_one_effect(after, expected):
    assert effects(BASE, after) == expected


def test_a_new_model_is_mix_and_a_dearer_one_is_price():
    before = {("p", "a"): model(100, tokens=1000, price=50), ("p", "b"): model(100, price=20)}
    after = {
        ("p", "a"): model(150, tokens=1500, price=50),
        ("p", "b"): model(50, tokens=500, price=26),
    }
    # 50 of 200 calls went from 200 to 500 pico-USD each; 50 calls of 10 tokens cost 6 more each
    assert effects(before, after) == {"mix": 15_000, "price": 3_000}
    assert bridge(before=before, after=after).shifts[("p", "a")] == (Fraction(1, 2), Fraction(3, 4))


def test_factors_are_told_with_their_effects():
    after = {("p", "a"): model(200, answers=160, hits=40, tokens=3000, price=60)}
    told = {str(s.effect): (s.before, s.after) for s in bridge(before=BASE, after=after).steps}
    assert told["volume"] == (100, 160)
    assert told["cache"] == (0, Fraction(1, 4))
    assert told["retries"] == (1, Fraction(4, 3))
    assert told["tokens"] == (10, Fraction(3000, 160))
    assert told["price"] == (50, 60)
    assert told["other"] == (None, None)


def test_a_period_without_answers_counts_requests():
    """Everything failed: there is no request for each answer, but a volume of requests."""
    after = {("p", "a"): model(200, answers=0, tokens=2000)}
    assert effects(BASE, after) == {"volume": 50_000}


def test_requests_without_tokens_are_other():
    """Such as calls that were billed by the request."""
    after = {**BASE, ("p", "image"): Sums(calls=3, answers=3, amount_pico=9)}
    assert effects(BASE, after) == {"other": 9}
