"""“Raise once”: one person asks, another approves; it counts in one window, until it ends."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

from apps.budgets.models import BudgetRaise, ThresholdCrossing, Window
from apps.budgets.selectors import budget_states
from apps.budgets.services import settle_all
from apps.budgets.services.raises import (
    RaiseRefused,
    approve_raise,
    decline_raise,
    request_raise,
)
from apps.budgets.types import BudgetExceeded, Held, Resolution
from tests.budgets.conftest import NOW, held, hold, make_budget

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def people():
    users = get_user_model()._default_manager
    return users.create_user("asks"), users.create_user("approves")


@pytest.fixture
def daily():
    return make_budget("daily", limit_pico=100, period="day")


def ask(budget, by, amount=50, **values):
    return request_raise(
        budget=budget, amount_pico=amount, reason="A sale", by=by, now=NOW, **values
    )


def test_a_request_changes_nothing_and_approval_does(daily, people):
    asks, approves = people
    held(100)
    wanted = ask(daily, asks)
    assert isinstance(hold(1), BudgetExceeded)

    approve_raise(raise_id=wanted.pk, by=approves, now=NOW)

    assert hold(51).limit_pico == 150
    assert isinstance(hold(50), Held)
    window = Window.objects.get()
    assert (window.limit_pico, window.raised_pico) == (150, 50)


def test_the_next_window_starts_without_it(daily, people):
    wanted = ask(daily, people[0])
    approve_raise(raise_id=wanted.pk, by=people[1], now=NOW)

    assert isinstance(hold(101, now=NOW + DAY), BudgetExceeded)


def test_it_counts_until_its_time(daily, people):
    wanted = ask(daily, people[0], until=NOW + timedelta(hours=1))
    approve_raise(raise_id=wanted.pk, by=people[1], now=NOW)

    assert isinstance(hold(101, now=NOW + timedelta(minutes=59)), Held)
    assert isinstance(hold(1, now=NOW + timedelta(hours=1)), BudgetExceeded)


def test_raises_add_up(daily, people):
    for _ in range(2):
        approve_raise(raise_id=ask(daily, people[0]).pk, by=people[1], now=NOW)

    (state,) = budget_states(budgets=[daily], now=NOW)

    assert (state.limit_pico, state.raised_pico) == (200, 100)


@pytest.mark.parametrize(("spent", "owed"), [(150, 0), (170, -20), (100, 0)])
def test_what_was_spent_under_a_raise_that_ended_is_no_debt(people, spent, owed):
    budget = make_budget("daily", limit_pico=100, period="day", carry_over="overspend")
    wanted = ask(budget, people[0], until=NOW + timedelta(hours=1))
    approve_raise(raise_id=wanted.pk, by=people[1], now=NOW)
    settle_all(resolutions=[Resolution(held(min(spent, 150)), spent)], now=NOW)
    hold(1, now=NOW + timedelta(hours=2))  # the window's limit is its own again

    held(0, now=NOW + DAY)

    assert Window.objects.latest("starts_at").carried_pico == owed


def test_raises_that_follow_each_other_are_not_added_up(people):
    budget = make_budget("daily", limit_pico=100, period="day", carry_over="overspend")
    for hour in range(2):
        now = NOW + timedelta(hours=hour)
        until = now + timedelta(hours=1)
        wanted = request_raise(
            budget=budget, amount_pico=50, reason="A sale", by=people[0], now=now, until=until
        )
        approve_raise(raise_id=wanted.pk, by=people[1], now=now)
    settle_all(resolutions=[Resolution(held(150), 180)], now=NOW)

    held(0, now=NOW + DAY)

    assert Window.objects.latest("starts_at").carried_pico == -30


def test_sums_may_be_longer_than_64_bits(people):
    most = 2**63 - 1
    budget = make_budget("huge", limit_pico=most, period="lifetime")
    for _ in range(2):
        approve_raise(raise_id=ask(budget, people[0], amount=most).pk, by=people[1], now=NOW)

    for _ in range(3):
        settle_all(resolutions=[Resolution(held(most), most)], now=NOW)

    assert hold(1).limit_pico == 3 * most
    (state,) = budget_states(budgets=[budget], now=NOW)
    assert (state.limit_pico, state.posted_pico) == (3 * most, 3 * most)
    assert Window.objects.get().posted_pico == 3 * most
    assert ThresholdCrossing.objects.get(percent=100, basis="actual").used_pico == 3 * most


def test_so_may_those_of_a_rolling_budget():
    most = 2**63 - 1
    make_budget("huge", limit_pico=most, period="hours", length=24, hard=False)

    for _ in range(3):
        settle_all(resolutions=[Resolution(held(most), most)], now=NOW)
    held(1, now=NOW + 3 * DAY)  # all of it has rolled out

    assert Window.objects.get().outside_pico == 3 * most


def test_who_asks_may_not_approve(daily, people):
    wanted = ask(daily, people[0])

    with pytest.raises(RaiseRefused, match="Somebody else"):
        approve_raise(raise_id=wanted.pk, by=people[0], now=NOW)

    assert isinstance(hold(101), BudgetExceeded)


def test_unless_the_setting_says_that_one_person_is_enough(daily, people, settings):
    settings.BUDGET_RAISE_SINGLE_APPROVER = True

    approve_raise(raise_id=ask(daily, people[0]).pk, by=people[0], now=NOW)

    assert isinstance(hold(150), Held)


def test_who_asks_may_take_it_back(daily, people):
    wanted = ask(daily, people[0])

    assert decline_raise(raise_id=wanted.pk, by=people[0], now=NOW).status == "declined"


@pytest.mark.parametrize(
    ("until", "later"), [(None, DAY), (NOW + timedelta(hours=1), timedelta(hours=2))]
)
def test_nobody_approves_what_nobody_can_spend_any_more(daily, people, until, later):
    wanted = ask(daily, people[0], until=until)

    with pytest.raises(RaiseRefused, match="is over"):
        approve_raise(raise_id=wanted.pk, by=people[1], now=NOW + later)

    wanted.refresh_from_db()
    assert wanted.status == "requested"
    decline_raise(raise_id=wanted.pk, by=people[1], now=NOW + later)


def test_a_raise_ends_in_the_future_and_that_of_a_rolling_budget_must_end(daily, people):
    rolling = make_budget("rolls", limit_pico=100, period="hours", length=6)

    for budget, until in ((daily, NOW), (rolling, None)):
        with pytest.raises(ValidationError) as raised:
            ask(budget, people[0], until=until)
        assert set(raised.value.message_dict) == {"until"}

    assert not BudgetRaise.objects.exists()


@pytest.mark.parametrize("decide", [approve_raise, decline_raise])
def test_it_is_decided_once(daily, people, decide):
    wanted = ask(daily, people[0])
    approve_raise(raise_id=wanted.pk, by=people[1], now=NOW)

    with pytest.raises(RaiseRefused, match="decided before: approved"):
        decide(raise_id=wanted.pk, by=people[1], now=NOW)


@pytest.mark.parametrize("amount", [0, -5])
def test_only_more_can_be_asked_for(daily, people, amount):
    with pytest.raises(ValidationError):
        ask(daily, people[0], amount=amount)

    assert not BudgetRaise.objects.exists()


def test_its_history_is_kept(daily, people):
    wanted = ask(daily, people[0])
    approve_raise(raise_id=wanted.pk, by=people[1], now=NOW)

    events = BudgetRaise.pgh_event_model.objects.order_by("pgh_id")

    assert list(events.values_list("status", flat=True)) == ["requested", "approved"]
