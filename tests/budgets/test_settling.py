"""Holds resolve once; what was really spent is posted to the last pico."""

from datetime import timedelta

import pytest

from apps.budgets.models import Hold, Window
from apps.budgets.services import expire_holds, release, settle_all
from apps.budgets.types import Resolution
from apps.core.ids import uuid7
from tests.budgets.conftest import NOW, held, make_budget

pytestmark = pytest.mark.django_db


def settle(id_, actual, **values):
    settle_all(resolutions=[Resolution(id_, actual, **values)], now=NOW)


def numbers():
    """Posted, held and overrun of the only window."""
    window = Window.objects.get()
    return window.posted_pico, window.held_pico, window.overrun_pico


@pytest.fixture(autouse=True)
def _budget():
    make_budget(limit_pico=1000)


def test_settling_posts_the_cost_and_frees_the_rest():
    id_ = held(300)

    settle(id_, 120)

    assert numbers() == (120, 0, 0)
    hold = Hold.objects.get()
    assert (hold.status, hold.posted_pico, hold.resolved_at) == ("settled", 120, NOW)


def test_settling_twice_posts_once():
    id_ = held(300)
    settle(id_, 120)

    settle(id_, 120)
    settle_all(resolutions=[Resolution(id_, 120), Resolution(id_, 120)], now=NOW)

    assert numbers() == (120, 0, 0)


def test_a_cost_beyond_the_hold_is_posted_and_marked():
    id_ = held(300)

    settle(id_, 450)

    assert numbers() == (450, 0, 150)


def test_a_correction_moves_the_difference():
    id_ = held(300)
    settle(id_, 200)

    settle(id_, 150)
    assert numbers() == (150, 0, 0)

    settle(id_, 180)
    assert numbers() == (180, 0, 30)


def test_releasing_frees_everything_once():
    id_ = held(300)

    assert release(hold_ids=[id_], now=NOW) == [id_]
    assert release(hold_ids=[id_], now=NOW) == []

    assert numbers() == (0, 0, 0)
    assert Hold.objects.get().status == "released"


def test_a_settled_hold_is_neither_released_nor_expired():
    id_ = held(300)
    settle(id_, 100)

    assert release(hold_ids=[id_], now=NOW) == []
    assert expire_holds(now=NOW + timedelta(days=9), limit=10) == []
    assert numbers() == (100, 0, 0)


def test_expired_holds_give_back_their_room_the_oldest_first():
    ids = [held(10, ttl_seconds=ttl) for ttl in (30, 10, 20, 90)]

    assert expire_holds(now=NOW + timedelta(seconds=30), limit=2) == sorted([ids[1], ids[2]])
    assert expire_holds(now=NOW + timedelta(seconds=30), limit=2) == [ids[0]]

    assert numbers() == (0, 10, 0)


def test_a_cost_that_arrives_after_expiry_is_booked_as_overrun():
    id_ = held(300, ttl_seconds=10)
    expire_holds(now=NOW + timedelta(seconds=10), limit=10)

    settle(id_, 120)
    settle(id_, 120)

    assert numbers() == (120, 0, 120)
    assert Hold.objects.get().status == "expired"


def test_an_unknown_outcome_keeps_the_rest_held(settings):
    settings.UNKNOWN_HOLD_SECONDS = 500
    id_ = held(300)

    settle(id_, 100, keep_held=True)

    assert numbers() == (100, 200, 0)
    hold = Hold.objects.get()
    assert (hold.status, hold.expires_at) == ("held", NOW + timedelta(seconds=500))
    settle(id_, 100, keep_held=True)
    assert numbers() == (100, 200, 0)


@pytest.mark.parametrize(
    ("truth", "after"), [(250, (250, 0, 0)), (40, (40, 0, 0)), (310, (310, 0, 10))]
)
def test_the_truth_about_an_unknown_outcome_settles_it(truth, after):
    id_ = held(300)
    settle(id_, 100, keep_held=True)

    settle(id_, truth)

    assert numbers() == after
    assert Hold.objects.get().status == "settled"


def test_an_unknown_outcome_that_nobody_explains_expires_with_its_estimate():
    id_ = held(300)
    settle(id_, 100, keep_held=True)

    assert expire_holds(now=NOW + timedelta(days=3), limit=10) == [id_]

    assert numbers() == (100, 0, 0)


def test_an_unknown_outcome_estimated_at_the_whole_hold_is_settled():
    id_ = held(300)

    settle(id_, 300, keep_held=True)

    assert numbers() == (300, 0, 0)
    assert Hold.objects.get().status == "settled"


def test_a_resolution_without_a_hold_disturbs_nobody():
    id_ = held(300)

    settle_all(resolutions=[Resolution(uuid7(), 5), Resolution(id_, 7)], now=NOW)

    assert numbers() == (7, 0, 0)


def test_what_was_held_yesterday_is_posted_to_yesterday():
    make_budget("daily", period="day")
    id_ = held(300)
    tomorrow = NOW + timedelta(days=1)
    held(20, now=tomorrow)

    settle_all(resolutions=[Resolution(id_, 120)], now=tomorrow)

    days = Window.objects.filter(budget__slug="daily").order_by("starts_at")
    assert list(days.values_list("posted_pico", "held_pico")) == [(120, 0), (0, 20)]


@pytest.mark.parametrize("size", [1, 40])
def test_the_number_of_queries_does_not_grow_with_the_batch(django_assert_num_queries, size):
    make_budget("second", limit_pico=10**9)
    ids = [held(5) for _ in range(size)]

    with django_assert_num_queries(5):  # links, windows, holds; then holds and windows
        settle_all(resolutions=[Resolution(id_, 3) for id_ in ids], now=NOW)
    with django_assert_num_queries(5):
        settle_all(resolutions=[Resolution(id_, 4) for id_ in ids], now=NOW)
