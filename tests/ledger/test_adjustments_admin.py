"""Adjustments in the admin: finance asks, another person approves; others may not."""

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse
from django.utils import timezone

from apps.access.models import Team
from apps.ledger.models import Adjustment, Entry
from tests.factories import make_provider, make_service

pytestmark = pytest.mark.django_db
LIST = reverse("admin:ledger_adjustment_changelist")
ADD = reverse("admin:ledger_adjustment_add")


@pytest.fixture
def shop(db):
    make_provider("http://127.0.0.1:1", slug="p")
    return make_service("shop")


def log_in(client, name, role="finance"):
    user, _ = User.objects.get_or_create(username=name, defaults={"is_staff": True})
    user.groups.set([Group.objects.get(name=role)])
    client.force_login(user)


def ask(client, **values):
    form = {
        "kind": "credit",
        "day": f"{timezone.now():%Y-%m-%d}",
        "amount_pico": "-12.5",
        "provider": "p",
        "service": "shop",
        "reference": "invoice 4711",
        "reason": "an outage",
    }
    return client.post(ADD, form | values)


def decide(client, what):
    row = Adjustment.objects.get()
    url = reverse("admin:ledger_adjustment_action", args=[row.pk, what])
    answer = client.post(url, {"confirmed": "1", "reason": "seen"}, follow=True)
    row.refresh_from_db()
    return row.status, answer.content.decode()


def test_one_asks_and_another_approves(client, shop):
    log_in(client, "asks")
    assert ask(client).status_code == 302
    status, page = decide(client, "approve")
    assert (status, Entry.objects.count()) == ("requested", 0)
    assert "somebody else has to approve" in page

    log_in(client, "approves")
    assert decide(client, "approve")[0] == "approved"
    _, page = decide(client, "approve")  # a double click

    assert "was decided before" in page
    entry = Entry.objects.get()
    assert (entry.amount_pico, entry.service, entry.team) == (-125 * 10**11, "shop", "shop-team")
    assert entry.cost_center == "cc-100"
    assert reverse("admin:ledger_entry_change", args=[entry.pk]) in page
    assert "Approve and book" not in page
    assert "-$12.50" in client.get(LIST).content.decode()


def test_its_history_says_who_asked_and_who_decided_why(client, shop):
    log_in(client, "asks")
    ask(client)
    log_in(client, "approves")
    decide(client, "approve")

    log_in(client, "reader", "auditor")
    row = Adjustment.objects.get()
    page = client.get(reverse("admin:ledger_adjustment_history", args=[row.pk]))

    decided, asked = page.context["happened"]()
    assert (asked.who, asked.word) == ("asks", "Made")
    assert (decided.who, decided.reason) == ("approves", "seen")
    assert ("Status", "Waits for approval", "Approved and booked") in decided.changes
    assert ("Decided by", "–", "approves") in decided.changes


def test_a_rejection_says_why_and_books_nothing(client, shop):
    log_in(client, "asks")
    ask(client)
    log_in(client, "decides")

    status, page = decide(client, "reject")

    assert (status, Entry.objects.count()) == ("rejected", 0)
    assert "seen" in page


@pytest.mark.parametrize("role", ["operator", "auditor", "prompt-engineer", "service-developer"])
def test_other_roles_neither_ask_nor_decide(client, shop, role):
    log_in(client, "asks")
    ask(client)
    log_in(client, "other", role)

    assert ask(client).status_code == 403
    assert client.get(LIST).status_code == (200 if role == "auditor" else 403)
    assert decide(client, "approve")[0] == "requested"
    assert not Entry.objects.exists()


def test_all_faults_are_told_at_once(client, shop):
    log_in(client, "asks")

    answer = ask(client, amount_pico="12.5", day="2999-01-01", provider="", reference="", reason="")

    page = answer.content.decode()
    assert answer.status_code == 200
    assert "A credit lowers the cost: write it with a minus." in page
    assert "A day of the last ten years, and not after today." in page
    assert page.count("This field is required.") == 3
    assert not Adjustment.objects.exists()


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"amount_pico": "0"}, "More or less than nothing."),
        ({"amount_pico": "-99999999999"}, "More than an entry can hold"),
        ({"amount_pico": "0,15"}, "Write it with a point"),
        ({"kind": "charge"}, "Select a valid choice"),
        ({"service": "shpo"}, "Select a valid choice"),
    ],
)
def test_a_wrong_form_says_what_is_wrong(client, shop, values, fault):
    log_in(client, "asks")

    assert fault in ask(client, **values).content.decode()
    assert not Adjustment.objects.exists()


def test_a_service_belongs_to_its_own_team(client, shop):
    Team.objects.create(slug="crm", name="CRM")
    log_in(client, "asks")

    page = ask(client, team="crm").content.decode()

    assert page.count("Service shop belongs to another.") == 1
    assert not Adjustment.objects.exists()
