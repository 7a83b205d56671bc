"""Each threshold tells once in a window, by the transaction that reached it."""

from datetime import timedelta

import pytest

from apps.budgets.models import Alert, Budget, ThresholdCrossing
from apps.budgets.services import settle_all
from apps.budgets.types import Resolution
from tests.budgets.conftest import NOW, held, hold, make_budget

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def crossed(basis=None):
    found = ThresholdCrossing.objects.order_by("pk")
    if basis:
        return list(found.filter(basis=basis).values_list("percent", flat=True))
    return list(found.values_list("percent", "basis"))


def settle(id_, actual, now=NOW):
    settle_all(resolutions=[Resolution(id_, actual)], now=now)


def test_holds_reach_thresholds_of_what_is_committed():
    make_budget(limit_pico=1000)

    held(499)
    assert crossed() == []
    held(1)

    assert crossed() == [(50, "committed")]


def test_settlements_reach_thresholds_of_what_is_spent():
    make_budget(limit_pico=1000)

    settle(held(900), 800)

    assert crossed("actual") == [50, 80]
    assert crossed("committed") == [50, 80]


def test_a_threshold_that_is_reached_again_tells_nobody():
    make_budget(limit_pico=1000)
    for _ in range(3):
        settle(held(900), 0)

    assert crossed("committed") == [50, 80]
    assert Alert.objects.count() == 2


def test_every_crossing_has_one_message_in_the_outbox():
    make_budget(limit_pico=1000)

    settle(held(1000), 1200)

    assert crossed("actual") == [50, 80, 95, 100]
    assert Alert.objects.count() == ThresholdCrossing.objects.count() == 8


def test_what_was_compared_is_kept():
    make_budget(limit_pico=1000)
    settle(held(600), 510)

    crossing = ThresholdCrossing.objects.get(basis="actual")

    assert (crossing.used_pico, crossing.limit_pico, crossing.at) == (510, 1000, NOW)


def test_the_next_window_tells_again():
    make_budget(limit_pico=100, period="day", thresholds=[50], bases=["committed"])

    held(60)
    held(60, now=NOW + DAY)

    assert crossed() == [(50, "committed")] * 2


def test_a_rolling_budget_tells_again_in_the_next_stretch_of_its_length():
    make_budget(limit_pico=100, period="days", length=1, thresholds=[50], bases=["committed"])

    held(60)
    held(60, now=NOW + 2 * DAY)
    held(10, now=NOW + 2 * DAY)

    assert crossed() == [(50, "committed")] * 2


def test_only_chosen_bases_tell():
    make_budget(limit_pico=100, bases=["actual"])

    settle(held(100), 60)

    assert crossed() == [(50, "actual")]


def test_a_lowered_limit_tells_with_the_next_call_even_when_it_is_refused():
    make_budget(limit_pico=1000)
    held(100)
    Budget.objects.update(limit_pico=100)

    hold(1)

    assert crossed("committed") == [50, 80, 95, 100]


def test_soft_budgets_tell_beyond_their_limit():
    make_budget(limit_pico=100, hard=False, thresholds=[100, 150])

    held(160)

    assert crossed("committed") == [100, 150]


def test_usual_calls_cost_no_query_more(django_assert_num_queries):
    make_budget(limit_pico=10**9)
    id_ = held(5)

    with django_assert_num_queries(5):
        settle(id_, 3)
