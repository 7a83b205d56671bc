"""A hold is taken in every matching budget, or in none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from apps.budgets.models import Budget, Hold, HoldWindow, Window
from apps.budgets.services import hold_all
from apps.budgets.snapshot import matching, read_budgets
from apps.budgets.types import BudgetExceeded, Held
from tests.budgets.conftest import NOW, SHOP, held, hold, make_budget, request

pytestmark = pytest.mark.django_db


def test_a_hold_takes_room_in_the_current_window():
    make_budget()

    answer = hold(400)

    window = Window.objects.get()
    assert answer == Held(answer.id, (window.pk,))
    assert (window.held_pico, window.posted_pico, window.limit_pico) == (400, 0, 1000)
    assert window.starts_at == datetime(2026, 5, 1, tzinfo=UTC)
    assert window.ends_at == datetime(2026, 6, 1, tzinfo=UTC)
    stored = Hold.objects.get()
    assert (stored.amount_pico, stored.status) == (400, "held")
    assert stored.expires_at == NOW + timedelta(seconds=60)


def test_a_limit_admits_up_to_its_last_pico():
    make_budget(limit_pico=1000)

    assert isinstance(hold(999), Held)
    assert isinstance(hold(2), BudgetExceeded)
    assert isinstance(hold(1), Held)
    assert isinstance(hold(1), BudgetExceeded)
    assert Window.objects.get().held_pico == 1000


def test_a_refusal_names_the_budget_and_says_what_is_left():
    make_budget(limit_pico=1000)
    held(700)

    refusal = hold(400)

    assert isinstance(refusal, BudgetExceeded)
    assert (refusal.budget, refusal.limit_pico, refusal.posted_pico) == ("shop-monthly", 1000, 0)
    assert (refusal.held_pico, refusal.needed_pico, refusal.remaining_pico) == (700, 400, 300)
    assert refusal.window_ends_at == datetime(2026, 6, 1, tzinfo=UTC)
    assert str(refusal) == (
        "Budget “shop-monthly” has 0.000000000300 of 0.000000001000 USD left; "
        "this call may cost up to 0.000000000400 USD."
    )
    assert Hold.objects.count() == 1


def test_a_refusal_says_when_a_retry_can_help():
    make_budget(limit_pico=1000, period="day")
    held(700)
    assert hold(400).retry_after == 1  # calls in flight may give it back
    assert hold(1001).retry_after is None  # never fits
    Window.objects.update(posted_pico=700, held_pico=0)
    assert hold(400).retry_after == 12 * 3600  # until midnight


def test_a_spent_lifetime_budget_is_not_worth_a_retry():
    make_budget(limit_pico=100, period="lifetime")
    held(100)
    Window.objects.update(posted_pico=100, held_pico=0)

    refusal = hold(1)

    assert (refusal.retry_after, refusal.window_ends_at) == (None, None)


def test_all_matching_windows_admit_or_none_is_touched():
    make_budget("wide", limit_pico=10_000)
    make_budget("narrow", limit_pico=100, service="shop")
    make_budget("soft", limit_pico=10_000, hard=False)

    refusal = hold(101)

    assert refusal.budget == "narrow"
    assert sorted(Window.objects.values_list("held_pico", flat=True)) == [0, 0, 0]
    assert not Hold.objects.exists()
    assert not HoldWindow.objects.exists()


def test_the_tightest_of_several_refusing_budgets_is_named():
    make_budget("a", limit_pico=50)
    make_budget("b", limit_pico=20)

    assert hold(100).budget == "b"


def test_a_soft_budget_lets_pass_and_is_named_once_it_is_exceeded():
    make_budget("gentle", limit_pico=100, hard=False)

    assert hold(100).overrun_soft == ()
    assert hold(1).overrun_soft == ("gentle",)
    assert Window.objects.get().held_pico == 101


def test_unpriced_calls_are_refused_under_a_hard_budget_only():
    make_budget("gentle", hard=False)
    assert isinstance(hold(0, priced=False), Held)
    make_budget("strict")

    refusal = hold(0, priced=False)

    assert (refusal.budget, refusal.priced, refusal.retry_after) == ("strict", False, None)
    assert "price is not known" in str(refusal)


def test_the_same_id_holds_nothing_more():
    make_budget()
    first = request(600)
    budgets = read_budgets()

    answers = [hold_all(requests=[first], budgets=budgets, now=NOW)[0] for _ in range(2)]
    answers += hold_all(requests=[first, first], budgets=budgets, now=NOW)

    assert answers == [answers[0]] * 4
    assert Window.objects.get().held_pico == 600
    assert Hold.objects.count() == 1


def test_the_same_id_twice_in_one_new_batch_holds_once():
    make_budget()
    first = request(600)

    answers = hold_all(requests=[first, first], budgets=read_budgets(), now=NOW)

    assert answers[0] == answers[1]
    assert Window.objects.get().held_pico == 600


def test_a_batch_is_admitted_one_after_another():
    make_budget(limit_pico=250)

    answers = hold_all(
        requests=[request(100), request(100), request(100), request(50)],
        budgets=read_budgets(),
        now=NOW,
    )

    assert [isinstance(answer, Held) for answer in answers] == [True, True, False, True]
    assert Window.objects.get().held_pico == 250


def test_without_a_budget_the_hold_is_still_recorded():
    answer = hold(77)

    assert answer == Held(answer.id, ())
    assert Hold.objects.get().amount_pico == 77


@pytest.mark.parametrize(
    "scope",
    [
        {"team": "shop-team"},
        {"cost_center": "cc-100"},
        {"service": "shop"},
        {"provider": "openai"},
        {"model": "gpt-mini"},
        {"prompt": "describe"},
        {"tag": "spring"},
        {},
        {"service": "shop", "model": "gpt-mini", "tag": "sale"},
    ],
)
def test_a_budget_matches_when_every_field_it_names_is_equal(scope):
    budget = make_budget(**scope)
    other = make_budget("other", **{"service": "shop"} | dict.fromkeys(scope, "another"))

    found = [b.slug for b in matching(read_budgets(), SHOP)]

    assert budget.slug in found
    assert (other.slug in found) == (not scope)


def test_budgets_that_are_switched_off_count_nothing():
    make_budget(active=False, limit_pico=0)

    assert hold(10) == Held(Hold.objects.get().pk, ())


def test_a_new_period_is_a_new_window_with_all_its_room():
    make_budget(limit_pico=100, period="day")
    held(100)
    assert isinstance(hold(1), BudgetExceeded)

    assert isinstance(hold(100, now=NOW + timedelta(days=1)), Held)

    assert list(Window.objects.values_list("held_pico", flat=True)) == [100, 100]


def test_raising_the_limit_counts_from_what_was_used():
    budget = make_budget(limit_pico=100)
    held(100)

    Budget.objects.filter(pk=budget.pk).update(limit_pico=150)

    assert isinstance(hold(51), BudgetExceeded)
    assert isinstance(hold(50), Held)
    window = Window.objects.get()
    assert (window.limit_pico, window.held_pico) == (150, 150)


def test_a_limit_below_what_was_used_only_stops_new_holds():
    budget = make_budget(limit_pico=100)
    held(100)

    Budget.objects.filter(pk=budget.pk).update(limit_pico=10)

    refusal = hold(1)
    assert (refusal.limit_pico, refusal.held_pico, refusal.remaining_pico) == (10, 100, 0)


def test_hardness_is_read_from_the_row_not_from_the_snapshot():
    budget = make_budget(limit_pico=10, hard=False)
    old = read_budgets()
    Budget.objects.filter(pk=budget.pk).update(hard=True)

    answer = hold_all(requests=[request(11)], budgets=old, now=NOW)[0]

    assert isinstance(answer, BudgetExceeded)


def test_the_database_itself_refuses_a_hold_beyond_a_hard_limit():
    make_budget(limit_pico=100)
    held(60)

    with pytest.raises(IntegrityError, match="hard limit"), transaction.atomic():
        Window.objects.update(held_pico=101)

    Window.objects.update(posted_pico=500)  # what a call really cost is always booked


def test_what_a_budget_counts_never_changes():
    make_budget(service="shop")

    for field, value in [("service", "other"), ("period", "day"), ("time_zone", "Asia/Tokyo")]:
        with pytest.raises(Exception, match="Cannot update"), transaction.atomic():
            Budget.objects.update(**{field: value})


@pytest.mark.parametrize("size", [1, 40])
def test_the_number_of_queries_does_not_grow_with_the_batch(django_assert_num_queries, size):
    for number in range(5):
        make_budget(f"b{number}", limit_pico=10**9, hard=number % 2 == 0)
    budgets = read_budgets()
    held(1)

    with django_assert_num_queries(5):  # lock, known, holds, links, windows
        hold_all(requests=[request(5) for _ in range(size)], budgets=budgets, now=NOW)
    with django_assert_num_queries(10):  # the same, with new windows: not there, so made and found
        later = NOW + timedelta(days=40)
        hold_all(requests=[request(5) for _ in range(size)], budgets=budgets, now=later)


def test_only_locked_windows_of_matching_budgets_are_made():
    make_budget("mine", service="shop")
    make_budget("theirs", service="search")

    held(5)

    assert Window.objects.get().budget.slug == "mine"
    elsewhere = replace(SHOP, service="search")
    held(5, scope=elsewhere)
    assert Window.objects.count() == 2


def test_a_hold_that_is_asked_for_again_tomorrow_keeps_its_window():
    make_budget(period="day")
    first = request(10)
    hold_all(requests=[first], budgets=read_budgets(), now=NOW)

    tomorrow = NOW + timedelta(days=1)
    again = hold_all(requests=[first], budgets=read_budgets(), now=tomorrow)[0]

    assert again.window_ids == (Window.objects.order_by("starts_at")[0].pk,)
    assert list(Window.objects.values_list("held_pico", flat=True)) == [0, 10]
