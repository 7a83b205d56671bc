"""Closing a month in the admin: two people of finance, a checklist, and what others may see."""

import re

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from apps.ledger.final_close import close_asked
from apps.ledger.models import Closing, Entry, Period
from tests.ledger.books import booked, post_all
from tests.ledger.closing import MARCH, closed, three_months
from tests.ledger.test_closing import IN_MARCH

pytestmark = pytest.mark.django_db(transaction=True)
LIST = reverse("admin:ledger_period_changelist")
PAGE = reverse("admin:ledger_period_change", args=[MARCH])


def log_in(client, name, role="finance"):
    user, _ = User.objects.get_or_create(username=name, defaults={"is_staff": True})
    user.groups.set([Group.objects.get(name=role)])
    client.force_login(user)


def do(client, what):
    url = reverse("admin:ledger_period_action", args=[MARCH, what])
    answer = client.post(url, {"confirmed": "1", "reason": "end of the quarter"}, follow=True)
    return answer.content.decode()


def test_an_empty_list_says_when_a_month_appears(client):
    log_in(client, "first")
    assert "No month with entries has ended yet" in client.get(LIST).content.decode()


def test_it_makes_the_rows_of_months_that_have_ended(client):
    booked(IN_MARCH)
    log_in(client, "first")
    assert "March 2026" in client.get(LIST).content.decode()


def test_two_people_close_a_month(client):
    three_months()
    log_in(client, "first")
    assert "1 soft-closed" in do(client, "close_softly")
    assert "You closed it softly" in do(client, "close_for_ever")
    log_in(client, "second")
    while "soft close that still run: 1" in (page := do(client, "close_for_ever")):
        post_all()

    assert "1 being closed" in page
    assert client.get(PAGE).headers["Refresh"] == "5"
    assert "It waits for a worker" in page
    assert "Close for ever" not in page
    assert close_asked() == 1
    assert Closing.objects.get().stage == "step 2 of 2, sealing: 31 of 31 days done"
    answer = client.get(PAGE)
    assert "Refresh" not in answer.headers
    page = answer.content.decode()
    assert Period.objects.get(month=MARCH).seal in page
    assert "2026-03-14" in page
    assert "end of the quarter" in page
    assert "Close for ever" not in page
    assert "is Closed already" in do(client, "close_softly")


@pytest.mark.parametrize("role", ["finance", "auditor"])
def test_its_history_says_who_did_what_and_why(client, role):
    three_months()
    log_in(client, "anna")
    do(client, "close_softly")
    log_in(client, "bert")
    while "soft close that still run: 1" in do(client, "close_for_ever"):
        post_all()
    close_asked()

    log_in(client, "reader", role)
    page = client.get(reverse("admin:ledger_period_history", args=[MARCH]))

    said = [
        (one.who, one.reason, change)
        for one in page.context["happened"]()
        for change in one.changes
        if change[0] == "Status"
    ]
    assert said == [
        ("bert", "end of the quarter", ("Status", "Soft-closed", "Closed")),
        ("bert", "end of the quarter", ("Status", "Being closed", "Closed")),
        ("anna", "end of the quarter", ("Status", "Open", "Soft-closed")),
    ]
    text = page.content.decode()
    assert "Soft closed by: – → anna" in text
    assert "Amount, USD: $0.00" in re.sub("<[^>]+>", "", text)
    assert "After xid" not in text
    assert ("In the audit log" in text) == (role == "auditor")


def test_who_closed_it_softly_is_not_offered_to_close_it(client):
    three_months()
    log_in(client, "bert")
    log_in(client, "anna")
    do(client, "close_softly")

    page = client.get(PAGE).content.decode()
    assert "Close for ever" not in page
    assert "Open again" in page
    assert "Somebody other than anna, who closed it softly: bert." in page

    log_in(client, "bert")
    assert "Close for ever" in client.get(PAGE).content.decode()


def test_its_history_is_closed_to_others(client):
    three_months()
    log_in(client, "other", "operator")
    assert client.get(reverse("admin:ledger_period_history", args=[MARCH])).status_code == 403


def test_the_checklist_leads_to_what_is_left(client):
    three_months()
    booked(IN_MARCH, kind="unpriced", amount=0)
    log_in(client, "first")

    page = client.get(PAGE).content.decode()

    assert "1 to do" in page
    assert "Booked so far" in page
    assert f"from={MARCH}&amp;to=2026-03-31" in page
    assert "Back to all months" in page
    assert ">Close</a>" not in page  # it leaves the page, and closes nothing
    assert reverse("admin:ledger_waitingentry_changelist") in page


@pytest.mark.parametrize("role", ["auditor", "operator", "prompt-engineer", "approver"])
def test_others_close_nothing(client, role):
    three_months()
    log_in(client, "other", role)
    url = reverse("admin:ledger_period_action", args=[MARCH, "close_softly"])
    assert client.post(url, {"confirmed": "1", "reason": "r"}).status_code == 403
    assert client.get(PAGE).status_code == (200 if role == "auditor" else 403)


def test_the_reason_is_kept(client):
    three_months()
    log_in(client, "first")
    do(client, "close_softly")
    event = Period.objects.get(month=MARCH).events.order_by("pk").last()
    assert event.pgh_context.metadata["reason"] == "end of the quarter"


def test_entries_of_a_closed_month_can_still_be_read(client):
    three_months()
    closed(MARCH)
    log_in(client, "reader")
    entry = Entry.objects.order_by("at").first()
    assert client.get(reverse("admin:ledger_entry_change", args=[entry.pk])).status_code == 200
