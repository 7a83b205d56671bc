"""A rolling budget counts the last hours or days at any moment, in steps, and never less."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.budgets.models import Bucket, Window
from apps.budgets.rolling import STEPS, Used, bucket_of, counted_since, roomy_at, stretch_of
from apps.budgets.selectors import budget_states, verify_windows
from apps.budgets.services import expire_holds, settle_all
from apps.budgets.types import BudgetExceeded, Held, Resolution
from tests.budgets.conftest import NOW, held, hold, make_budget
from tests.budgets.test_windows import moments

HOUR = timedelta(hours=1)
STEP = HOUR / STEPS
lengths = st.integers(1, 744).map(lambda hours: timedelta(hours=hours))


@given(at=moments, length=lengths)
def test_buckets_tile_time(at, length):
    start = bucket_of(at, length)

    assert start <= at < start + length / STEPS
    assert bucket_of(start, length) == start
    assert bucket_of(start - timedelta(microseconds=1), length) == start - length / STEPS


@given(at=moments, length=lengths, age=st.floats(0, 2))
def test_what_is_younger_than_the_period_counts_and_what_is_a_step_older_does_not(at, length, age):
    then = at - length * age
    counts = bucket_of(then, length) >= counted_since(at, length)

    if then > at - length:
        assert counts
    if then < at - length - length / STEPS:
        assert not counts


@given(at=moments, length=lengths)
def test_stretches_tile_time(at, length):
    assert stretch_of(at, length) <= at < stretch_of(at, length) + length


def test_room_comes_back_when_enough_has_rolled_out():
    used = [Used(NOW + STEP, 5, 0), Used(NOW, 1, 2)]

    assert roomy_at(used, 3, HOUR) == NOW + STEP + HOUR
    assert roomy_at(used, 4, HOUR) == NOW + 2 * STEP + HOUR
    assert roomy_at(used, 9, HOUR) is None


@pytest.fixture
def hourly(db):
    return make_budget("hourly", limit_pico=100, period="hours", length=1)


def test_what_was_used_in_the_last_hour_counts(hourly):
    held(60)
    held(40, now=NOW + HOUR / 2)

    assert isinstance(hold(1, now=NOW + HOUR - STEP), BudgetExceeded)
    later = NOW + HOUR + STEP
    assert isinstance(hold(61, now=later), BudgetExceeded)
    assert isinstance(hold(60, now=later), Held)
    assert isinstance(hold(1, now=later), BudgetExceeded)


def test_a_refusal_says_when_it_will_fit(hourly):
    settle_all(resolutions=[Resolution(held(60), 60)], now=NOW)
    settle_all(resolutions=[Resolution(held(40, now=NOW + HOUR / 2), 40)], now=NOW + HOUR / 2)
    asked = NOW + HOUR / 2

    refusal = hold(50, now=asked)

    assert refusal.retry_after == (HOUR / 2 + STEP).total_seconds()
    wait = timedelta(seconds=refusal.retry_after)
    assert isinstance(hold(50, now=asked + wait - timedelta(seconds=1)), BudgetExceeded)
    assert isinstance(hold(50, now=asked + wait), Held)


def test_a_cost_belongs_to_the_moment_of_its_admission(hourly):
    id_ = held(60)
    late = NOW + HOUR * 3 / 4

    settle_all(resolutions=[Resolution(id_, 50)], now=late)

    assert list(Bucket.objects.values_list("starts_at", "posted_pico", "held_pico")) == [
        (bucket_of(NOW, HOUR), 50, 0)
    ]
    assert isinstance(hold(100, now=NOW + HOUR + STEP), Held)


def test_one_window_and_its_buckets_add_up(hourly):
    ids = [held(10, now=NOW + HOUR * number, ttl_seconds=9) for number in range(5)]
    settle_all(resolutions=[Resolution(ids[0], 30)], now=NOW)
    expire_holds(now=NOW + HOUR * 9, limit=2)

    window = Window.objects.get()

    assert (window.posted_pico, window.held_pico, window.overrun_pico) == (30, 20, 20)
    assert Bucket.objects.count() == 5
    assert Bucket.objects.filter(held_pico=10).count() == 2


def test_its_state_is_that_of_the_last_hour(hourly):
    held(60)
    later = NOW + HOUR * 2
    held(7, now=later)

    (state,) = budget_states(budgets=[hourly], now=later)

    assert (state.held_pico, state.remaining_pico, state.ends_at) == (7, 93, None)
    assert [d for d in verify_windows() if "held" in d.what] == []


def test_an_hour_never_holds_more_than_the_limit_wherever_it_begins(hourly):
    taken = []
    for minute in range(0, 300, 7):
        now = NOW + timedelta(minutes=minute)
        if isinstance(hold(30, now=now), Held):
            taken.append(now)

    for now in taken:
        assert sum(30 for at in taken if now - HOUR < at <= now) <= 100
    assert len(taken) == 15  # three in each hour and a step
