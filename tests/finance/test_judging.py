"""Unusual days that somebody has seen or planned: told apart, counted, and on record."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pghistory.models import Events

from apps.finance.models import Acknowledgement, PlannedDays
from tests.finance.conftest import booked, signed_in

pytestmark = pytest.mark.django_db
PAGE = "/admin/costs/anomalies/?from=2026-03-01&to=2026-03-31"
JUDGE = "/admin/costs/anomalies/judge/"
SEEN = {"dimension": "service", "value": "shop", "day": "2026-03-10", "kind": "seen"}
DAYS = {"first": "2026-03-10", "last": "2026-03-12"}
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def books(db):
    """Ninety even days of two services; three days of one cost five times as much."""
    for n in range(90):
        at = datetime(2026, 3, 31, 12, tzinfo=UTC) - DAY * n
        is_odd = at.day in (10, 11, 12) and at.month == 3
        booked("shop", at, (50 if is_odd else 10) * 10**12)
        booked("crm", at, 10 * 10**12)


def listed(client):
    rows = client.get(PAGE).context["rows"]
    return [(row["one"].day.day, row["said"].note if row["said"] else "") for row in rows]


def figures(client):
    found = client.get(PAGE).context["judged"]
    return (found.new, found.acknowledged, found.hidden)


def test_a_day_that_was_seen_stays_with_who_and_what(finance):
    assert sorted(listed(finance)) == [(10, ""), (11, ""), (12, "")]
    assert figures(finance) == (3, 0, 0)

    page = finance.post(JUDGE, SEEN | DAYS | {"note": " Import ran twice "}, follow=True)

    assert page.status_code == 200
    said = Acknowledgement.objects.get()
    assert (said.by.username, said.note) == ("finance", "Import ran twice")
    assert listed(finance)[-1] == (10, "Import ran twice")  # new ones come first
    assert figures(finance) == (2, 1, 0)
    finance.post(JUDGE, SEEN | DAYS | {"note": "A test"})
    assert listed(finance)[-1] == (10, "A test")
    events = Events.objects.filter(pgh_model="finance.AcknowledgementEvent")
    assert sorted(events.values_list("pgh_label", flat=True)) == ["insert", "update"]


def test_planned_days_are_not_told_and_can_be_withdrawn(finance):
    finance.post(JUDGE, SEEN | DAYS | {"kind": "planned", "note": "Campaign", "last": "2026-03-11"})

    assert listed(finance) == [(12, "")]
    assert figures(finance) == (1, 0, 2)
    text = finance.get(PAGE).content.decode()
    assert "Campaign" in text
    assert "2026-03-10 – 2026-03-11" in text
    plan = PlannedDays.objects.get()
    assert plan.by.username == "finance"

    finance.post(f"/admin/costs/anomalies/planned/{plan.pk}/withdraw/")
    assert figures(finance) == (3, 0, 0)
    events = Events.objects.filter(pgh_model="finance.PlannedDaysEvent")
    assert sorted(events.values_list("pgh_label", flat=True)) == ["delete", "insert"]


def test_a_plan_is_of_its_group_alone(finance):
    plan = SEEN | DAYS | {"kind": "planned", "note": "Campaign"}
    finance.post(JUDGE, plan | {"value": "crm"})
    finance.post(JUDGE, plan | {"dimension": "model", "value": "m"})
    assert figures(finance) == (3, 0, 0)


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"note": " "}, "This field is required"),
        ({"last": "2026-03-09", "kind": "planned"}, "exchange them"),
        ({"last": "2027-03-11", "kind": "planned"}, "At most 366 days"),
        ({"day": "soon"}, "Enter a valid date"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_noted(finance, wrong, fault):
    page = finance.post(JUDGE, SEEN | DAYS | {"note": "Campaign"} | wrong)
    assert page.status_code == 400
    assert fault in page.content.decode()
    assert not Acknowledgement.objects.exists()
    assert not PlannedDays.objects.exists()


def test_the_form_knows_what_it_is_about(finance):
    page = finance.get(f"{JUDGE}?dimension=service&value=shop&day=2026-03-10")
    assert "Service shop, 2026-03-10" in page.content.decode()
    assert finance.get(f"{JUDGE}?dimension=gone&value=x").status_code == 404


def test_others_see_it_and_say_nothing(finance):
    finance.post(JUDGE, SEEN | DAYS | {"note": "Import ran twice"})
    other = Client()
    signed_in(other, "auditor")
    assert "Import ran twice" in other.get(PAGE).content.decode()
    assert "what was it?" not in other.get(PAGE).content.decode()
    assert other.post(JUDGE, SEEN | DAYS | {"note": "x"}).status_code == 403
    assert other.post("/admin/costs/anomalies/planned/1/withdraw/").status_code == 403
    assert User.objects.count() == 2
    assert Acknowledgement.objects.get().note == "Import ran twice"


def test_the_page_asks_little(finance, django_assert_max_num_queries):
    finance.post(JUDGE, SEEN | DAYS | {"note": "Import ran twice"})
    with django_assert_max_num_queries(25):
        finance.get(PAGE)
