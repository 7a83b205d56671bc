"""The effects add up to the change, whatever happened, and each is what its name says."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.finance.bridge import Effect, bridge
from apps.finance.factors import Rates
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
        cached_tokens=draw(counts),
        amount_pico=amount,
        adjusted_pico=draw(st.integers(-(10**15), 10**15)),
    )


periods = st.dictionaries(st.sampled_from([("p", "a"), ("p", "b"), ("q", "a")]), sums())


prices = st.integers(0, 10**7).map(Fraction)
lists = st.dictionaries(st.just(("p", "a")), st.builds(Rates, prices, prices, prices))


@given(before=periods, after=periods, listed=lists)
def test_effects_add_up_to_the_last_pico_dollar(before, after, listed):
    found = bridge(before=before, after=after, listed=listed)

    assert [step.effect for step in found.steps] == list(Effect)
    assert all(type(step.amount) is int for step in found.steps)
    assert sum(step.amount for step in found.steps) == found.change
    assert found.before == sum(one.amount_pico for one in before.values())
    assert found.after == sum(one.amount_pico for one in after.values())


tokens = st.integers(1, 10**6)


percents = st.integers(0, 100)


@given(calls=st.tuples(tokens, tokens), cached=st.tuples(percents, percents), data=st.data())
def test_without_another_price_nothing_is_price(calls, cached, data):
    """Whatever becomes of lengths, of the model mix, and of the provider's cache."""
    listed = {
        ("p", "a"): Rates(Fraction(150), Fraction(75), Fraction(600)),
        ("p", "b"): Rates(Fraction(150), Fraction(75), Fraction(1200)),
    }

    def sums(count, cached, rates):
        given, made = data.draw(tokens), data.draw(tokens)
        read = given * cached // 100
        cost = (given - read) * rates.input + read * rates.cached + made * rates.output
        return Sums(count, count, 0, given, made, read, amount_pico=int(cost))

    def period(count, cached):
        return {model: sums(count, cached, rates) for model, rates in listed.items()}

    before, after = (period(*of) for of in zip(calls, cached, strict=True))
    steps = {s.effect: s for s in bridge(before=before, after=after, listed=listed).steps}
    assert (steps[Effect.PRICE].before, steps[Effect.PRICE].after) == (1, 1)
    assert steps[Effect.PRICE].amount == steps[Effect.OTHER].amount == 0


def test_shorter_input_longer_output_and_a_warmer_cache_are_three_effects():
    listed = {("p", "a"): Rates(Fraction(10), Fraction(5), Fraction(40))}
    before = Sums(10, 10, 0, 1000, 100, 0, amount_pico=1000 * 10 + 100 * 40)
    after = Sums(10, 10, 0, 800, 300, 400, amount_pico=400 * 10 + 400 * 5 + 300 * 40)
    steps = bridge(before={("p", "a"): before}, after={("p", "a"): after}, listed=listed).steps
    found = {str(step.effect): step.amount for step in steps if step.amount}
    assert found == {"input": -2000, "output": 8000, "cached": -2000}


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
        ({("p", "a"): model(tokens=1500)}, {"input": 25_000}),
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
    assert told["input"] == (10, Fraction(3000, 160))
    assert told["output"] == (0, 0)
    assert told["price"] == (1, Fraction(6, 5))  # of what these tokens cost before
    assert told["other"] == (None, None)


def test_a_period_without_answers_counts_requests():
    """Everything failed: there is no request for each answer, but a volume of requests."""
    after = {("p", "a"): model(200, answers=0, tokens=2000)}
    assert effects(BASE, after) == {"volume": 50_000}


def test_requests_without_tokens_are_other():
    """Such as calls that were billed by the request."""
    after = {**BASE, ("p", "image"): Sums(calls=3, answers=3, amount_pico=9)}
    assert effects(BASE, after) == {"other": 9}
