"""A day that stands out is told, with what was expected; usual days and small change are not."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from hypothesis import given
from hypothesis import strategies as st

from apps.core.money import PICO
from apps.finance.anomalies import FEWEST, anomalies, unusual
from apps.finance.query import Query
from apps.ledger.reports import Days
from tests.finance.conftest import booked

MONDAY = date(2026, 3, 2)
DAYS = [MONDAY + timedelta(days=n) for n in range(70)]
LAST = DAYS[-1]  # a Sunday


def week(day):
    """Weekends are quiet; no two weeks are quite alike."""
    return PICO * (4 if day.weekday() >= 5 else 10) + (day.day % 3) * PICO // 10


def found(by_day, days=(LAST,), at_least=PICO):
    return list(unusual(value="shop", by_day=by_day, days=days, at_least=at_least))


def history(**changed):
    return {day: week(day) for day in DAYS} | {LAST: changed.get("last", week(LAST))}


def test_usual_days_are_not_told():
    assert found(history(), days=DAYS) == []


def test_a_dear_day_and_a_missing_one_are_told():
    (dear,) = found(history(last=30 * PICO))
    assert (dear.day, dear.amount) == (LAST, 30 * PICO)
    assert 4 * PICO <= dear.expected <= 5 * PICO
    assert dear.score > 5
    (missing,) = found(history(last=0))
    assert missing.difference == -missing.expected < 0


def test_a_weekday_is_compared_with_weekdays():
    """Ten dollars are usual on a Monday, and not on a Sunday."""
    assert [one.amount for one in found(history(last=10 * PICO))] == [10 * PICO]


def test_an_outlier_hides_no_other():
    spoilt = history(last=30 * PICO) | {LAST - timedelta(days=7): 300 * PICO}
    assert [one.day for one in found(spoilt)] == [LAST]


@pytest.mark.parametrize(
    ("amount", "at_least"), [(30 * PICO, 100 * PICO), (int(4.7 * PICO), 0), (5 * PICO, PICO)]
)
def test_small_change_is_nobodys_while(amount, at_least):
    assert found(history(last=amount), at_least=at_least) == []


def test_a_young_group_is_not_judged():
    young = {day: week(day) for day in DAYS[-FEWEST:]} | {LAST: 90 * PICO}
    assert found(young) == []
    assert len(found(young | {DAYS[-FEWEST - 1]: week(DAYS[-FEWEST - 1])})) == 1


def test_a_group_without_any_noise_is_judged_too():
    even = dict.fromkeys(DAYS, 10 * PICO)
    (one,) = found(even | {LAST: 14 * PICO})
    assert (one.expected, one.score) == (10 * PICO, None)


@given(st.dictionaries(st.sampled_from(DAYS), st.integers(-(10**20), 10**20), min_size=1))
def test_any_history_can_be_judged(by_day):
    for one in found(by_day, days=DAYS, at_least=0):
        assert one.amount == by_day.get(one.day, 0)


@pytest.mark.django_db
def test_today_is_never_too_little():
    for day in DAYS[:-1]:
        booked("shop", datetime.combine(day, datetime.min.time(), UTC), week(day))
    query = Query(days=Days(LAST, LAST, "UTC"))
    assert anomalies(query=query, today=LAST, at_least=PICO) == []
    tomorrow = LAST + timedelta(days=1)
    (missing,) = anomalies(query=query, today=tomorrow, at_least=PICO)
    assert (missing.value, missing.amount) == ("shop", 0)


class TestPage:
    PAGE = "/admin/costs/anomalies/?from=2026-04-20&to=2026-05-10"

    @pytest.fixture
    def books(self, db):
        for day, amount in history(last=30 * PICO).items():
            booked("shop", datetime.combine(day, datetime.min.time(), UTC), amount)

    def test_it_tells_the_day_and_leads_on(self, books, finance):
        page = finance.get(self.PAGE)
        (row,) = page.context["rows"]
        assert (row["label"], row["one"].day) == ("shop", LAST)
        for address in (f"/admin/costs/?{row['day_url']}", f"/admin/costs/why/?{row['why_url']}"):
            shown = finance.get(address)
            assert shown.status_code == 200
            assert dict(shown.context["query"].filters) == {"service": ("shop",)}

    def test_the_least_difference_can_be_chosen(self, books, finance):
        assert finance.get(f"{self.PAGE}&at_least=100").context["rows"] == []
        for wrong in ("much", "-1", "1e99", "0.0000000000001"):
            page = finance.get(f"{self.PAGE}&at_least={wrong}")
            assert page.status_code == 400
            assert "like 0.50" in page.content.decode()

    def test_at_most_a_quarter_at_once(self, finance):
        page = finance.get("/admin/costs/anomalies/?range=12m")
        assert page.status_code == 400
        assert "At most 92 days" in page.content.decode()
        assert page.context["query"].days.count == 92

    def test_who_may_see_it(self, books, client, finance):
        assert finance.post(self.PAGE).status_code == 405
        client.force_login(User.objects.create_user("other", is_staff=True))
        assert client.get(self.PAGE).status_code == 403
