"""What a window takes over from the one before it is decided once, when it is made."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.budgets.models import Budget, Window
from apps.budgets.selectors import budget_states
from apps.budgets.services import settle_all
from apps.budgets.types import BudgetExceeded, Held, Resolution
from tests.budgets.conftest import NOW, held, hold, make_budget

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def daily(carry_over, **values):
    budget = make_budget("daily", limit_pico=100, period="day", carry_over=carry_over, **values)
    Budget.objects.update(created_at=NOW)
    return budget


def spend(actual, *, now=NOW, amount=None):
    settle_all(resolutions=[Resolution(held(amount or actual, now=now), actual)], now=now)


def carried():
    held(0, now=NOW + DAY)
    return Window.objects.get(starts_at__gt=NOW).carried_pico


@pytest.mark.parametrize(
    ("carry_over", "cap", "spent", "expected"),
    [
        ("none", 100, 30, 0),
        ("unspent", 100, 30, 70),
        ("unspent", 50, 30, 50),
        ("unspent", 0, 30, 0),
        ("unspent", 100, 130, 0),
        ("overspend", 100, 30, 0),
        ("overspend", 100, 130, -30),
        ("both", 100, 30, 70),
        ("both", 100, 130, -30),
        ("both", 100, 100, 0),
    ],
)
def test_what_is_carried_over(carry_over, cap, spent, expected):
    daily(carry_over, carry_cap_percent=cap)
    spend(spent, amount=min(spent, 100))

    assert carried() == expected


def test_the_new_window_admits_as_much_as_was_carried():
    daily("unspent")
    spend(30)

    assert isinstance(hold(171, now=NOW + DAY), BudgetExceeded)
    assert isinstance(hold(170, now=NOW + DAY), Held)


def test_an_overspent_window_leaves_less():
    daily("overspend")
    spend(130, amount=100)

    refusal = hold(71, now=NOW + DAY)

    assert refusal.limit_pico == 70
    assert isinstance(hold(70, now=NOW + DAY), Held)


def test_what_running_calls_hold_is_not_carried():
    daily("unspent")
    spend(10)
    held(50)

    assert carried() == 40


def test_it_is_frozen_once_the_window_is_made():
    daily("unspent")
    id_ = held(50)
    assert carried() == 50

    settle_all(resolutions=[Resolution(id_, 0)], now=NOW + DAY)
    Budget.objects.update(carry_cap_percent=10)

    assert carried() == 50


def test_a_later_limit_moves_the_sum():
    daily("unspent")
    spend(30)
    assert carried() == 70

    Budget.objects.update(limit_pico=10)

    assert hold(81, now=NOW + DAY).limit_pico == 80


def test_a_day_on_which_nothing_was_asked_was_wholly_unspent():
    daily("unspent", carry_cap_percent=60)

    held(0, now=NOW + 3 * DAY)

    assert Window.objects.get().carried_pico == 60


def test_days_before_the_budget_was_made_leave_nothing():
    daily("both")

    held(0, now=NOW)

    assert Window.objects.get().carried_pico == 0


def test_it_does_not_pile_up_beyond_the_cap():
    daily("unspent", carry_cap_percent=50)

    for day in range(4):
        held(0, now=NOW + day * DAY)

    assert list(Window.objects.order_by("starts_at").values_list("carried_pico", flat=True)) == [
        0, 50, 50, 50,
    ]  # fmt: skip


def test_the_state_of_an_unmade_window_has_it_too():
    budget = daily("unspent")
    spend(30)

    (state,) = budget_states(budgets=[budget], now=NOW + DAY)

    assert (state.limit_pico, state.carried_pico, state.remaining_pico) == (170, 70, 170)


def test_a_day_of_23_hours_carries_to_the_next_like_any_other():
    make_budget("berlin", 100, period="day", time_zone="Europe/Berlin", carry_over="unspent")
    Budget.objects.update(created_at=datetime(2026, 3, 28, 12, tzinfo=UTC))
    spend(40, now=datetime(2026, 3, 29, 12, tzinfo=UTC))

    held(0, now=datetime(2026, 3, 29, 22, tzinfo=UTC))

    window = Window.objects.get(starts_at=datetime(2026, 3, 29, 22, tzinfo=UTC))
    assert window.carried_pico == 100


@pytest.mark.parametrize(
    ("carry_over", "idle", "expected"),
    [
        ("overspend", 0, -250),
        ("overspend", 1, -150),
        ("overspend", 2, -50),
        ("overspend", 3, 0),
        ("both", 2, -50),
        ("both", 3, 50),
        ("both", 4, 100),
        ("both", 900, 100),
        ("unspent", 1, 100),
    ],
)
def test_a_debt_is_not_forgotten_on_days_on_which_nothing_was_asked(carry_over, idle, expected):
    daily(carry_over)
    spend(350, amount=100)

    hold(0, now=NOW + (1 + idle) * DAY)  # refused while there is a debt

    assert Window.objects.latest("starts_at").carried_pico == expected


def test_a_day_without_calls_carries_as_much_as_one_with_a_call_for_nothing():
    daily("unspent", carry_cap_percent=300)
    for day in (0, 1, 2, 5):
        held(0, now=NOW + day * DAY)

    assert list(Window.objects.order_by("starts_at").values_list("carried_pico", flat=True)) == [
        0, 100, 200, 300,
    ]  # fmt: skip


def test_carrying_to_a_new_window_costs_two_queries_whatever_was_before(django_assert_num_queries):
    budget = daily("both")
    spend(350, amount=100)

    with django_assert_num_queries(3):  # the missing window, the latest one, and its raises
        (state,) = budget_states(budgets=[budget], now=NOW + 300 * DAY)

    assert state.carried_pico == 100
