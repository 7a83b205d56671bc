"""The mail of a saved view: who sets it, previews it, gets one at once, and stops it."""

import re

import pytest
from django.test import Client
from pghistory.models import Events

from apps.finance.mailing.stopping import stop_url
from apps.finance.models import Letter, MailAddress, MailPlan, Recipient
from tests.finance.conftest import signed_in
from tests.finance.test_mail_letters import ADDRESS, box, made_view, parts, person  # noqa: F401

pytestmark = pytest.mark.django_db
CHOSEN = {"every": "week", "weekday": 1, "month_day": 1, "hour": 7}


def page_of(view, more=""):
    return f"/admin/costs/views/{view.pk}/mail/{more}"


@pytest.fixture
def fiona(client):
    user = signed_in(client, "finance")
    user.email = "fiona@example.com"
    user.save()
    return user


def test_its_owner_sets_when_and_to_whom(client, fiona):
    olga, view = person("olga", "operator"), made_view(fiona)
    outside = MailAddress.objects.create(address="board@example.org", note="The board")
    chosen = CHOSEN | {"people": [fiona.pk, olga.pk], "addresses": [outside.pk]}

    page = client.post(page_of(view), chosen, follow=True)

    plan = MailPlan.objects.get()
    assert [str(message) for message in page.context["messages"]] == [
        "It comes by mail: Weekly, Monday 07:00."
    ]
    assert [str(one) for one in plan.recipients.all()] == ["finance", "olga", "board@example.org"]
    client.post(page_of(view), chosen | {"every": "month", "people": [olga.pk]})
    plan.refresh_from_db()
    assert str(plan) == "Monthly, day 1, 07:00"
    assert [str(one) for one in plan.recipients.all()] == ["olga", "board@example.org"]
    events = Events.objects.filter(pgh_model="finance.RecipientEvent")
    assert sorted(events.values_list("pgh_label", flat=True)) == ["delete"] + ["insert"] * 3
    assert "Monthly, day 1, 07:00" in client.get("/admin/finance/savedview/").content.decode()

    client.post(page_of(view, "stop/"))
    assert not MailPlan.objects.exists()


def test_only_who_sees_costs_and_has_an_address_can_be_chosen(client, fiona):
    view = made_view(fiona)
    stranger, mute = person("stranger"), person("mute", "operator")
    stranger.groups.clear()
    mute.email = ""
    mute.save()

    for user in (stranger, mute):
        page = client.post(page_of(view), CHOSEN | {"people": [user.pk]})
        assert page.status_code == 400
        assert "is not one of the available choices" in page.content.decode()
    assert client.post(page_of(view), CHOSEN).status_code == 400
    assert not MailPlan.objects.exists()


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("from=2026-03-01&to=2026-03-31&group_by=service", "fixed dates"),
        ("range=7d&group_by=gone", "cannot be answered any more"),
    ],
)
def test_a_view_that_makes_no_letters_is_refused_with_the_way_out(client, fiona, address, fault):
    page = client.post(page_of(made_view(fiona, address)), CHOSEN | {"people": [fiona.pk]})
    assert page.status_code == 400
    assert fault in page.content.decode()
    assert not MailPlan.objects.exists()


def test_others_look_at_shared_ones_and_change_nothing(fiona):
    view, private = made_view(fiona), made_view(fiona, name="Private")
    view.is_shared = True
    view.save()
    other = Client()
    olga = signed_in(other, "operator")

    page = other.get(page_of(view))
    assert page.status_code == 200
    assert "Send it" not in page.content.decode()
    assert other.post(page_of(view), CHOSEN | {"people": [olga.pk]}).status_code == 403
    assert other.post(page_of(view, "stop/")).status_code == 403
    assert other.get(page_of(private)).status_code == 404
    assert other.get(page_of(private, "preview/")).status_code == 404
    assert other.post(page_of(private, "now/")).status_code == 404
    olga.groups.clear()
    assert [other.get(page_of(view, more)).status_code for more in ("", "preview/")] == [403, 403]
    assert not MailPlan.objects.exists()


def test_a_preview_is_the_letter_and_can_do_nothing(client, fiona):
    view = made_view(fiona, name="<script>alert(1)</script>")
    page = client.get(page_of(view, "preview/"))
    assert "<script" not in page.content.decode()
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    text = client.get(page_of(view, "preview/?as=text"))
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "This is a preview" in text.content.decode()
    gone = made_view(fiona, "range=7d&group_by=gone", "Gone")
    assert client.get(page_of(gone, "preview/")).status_code == 200


def test_one_comes_at_once(client, fiona, box):  # noqa: F811
    view = made_view(fiona)
    page = client.post(page_of(view, "now/"), follow=True)

    assert [str(message) for message in page.context["messages"]] == ["Sent to fiona@example.com."]
    (message,) = box.messages
    assert message["List-Unsubscribe"] is None
    assert "You get this letter because you asked for it just now." in parts(message)[0]
    box.refusal = "451 try later"
    page = client.post(page_of(view, "now/"), follow=True)
    (said,) = [str(message) for message in page.context["messages"]]
    assert said.startswith("The mail server did not take it yet")
    assert Letter.objects.filter(sent_at=None, dropped_at=None).count() == 1
    fiona.email = ""
    fiona.save()
    page = client.post(page_of(view, "now/"), follow=True)
    assert "no e-mail address" in str(next(iter(page.context["messages"])))
    assert Letter.objects.count() == 2


@pytest.fixture
def stop_link(client, fiona):
    """As a mail of it has it, for somebody who is not signed in."""
    client.post(page_of(made_view(fiona)), CHOSEN | {"people": [fiona.pk]})
    recipient = Recipient.objects.get()
    return re.sub(r"^https?://[^/]+", "", stop_url(recipient)), recipient


def test_a_reader_stops_it_with_one_click_and_nobody_else_starts_it_again(client, stop_link):
    link, recipient = stop_link
    anybody = Client(enforce_csrf_checks=True)

    assert anybody.get(link).status_code == 200
    recipient.refresh_from_db()
    assert recipient.stopped_at is None  # looking changes nothing
    assert anybody.post(link, {"List-Unsubscribe": "One-Click"}).status_code == 200
    recipient.refresh_from_db()
    stopped_at = recipient.stopped_at
    assert stopped_at is not None
    anybody.post(link)
    client.post(page_of(recipient.plan.view), CHOSEN | {"people": [recipient.user_id]})
    recipient.refresh_from_db()
    assert recipient.stopped_at == stopped_at
    assert "Stopped it for themselves" in client.get(page_of(recipient.plan.view)).content.decode()

    anybody.post(link, {"resume": "1"})
    recipient.refresh_from_db()
    assert recipient.stopped_at is None


def test_a_link_cannot_be_guessed_and_ends_with_its_plan(client, stop_link):
    link, recipient = stop_link
    assert Client().get(link[:-3] + "xx/").status_code == 404
    assert Client().post(f"/admin/costs/mail/stop/{recipient.pk}/").status_code == 404
    client.post(page_of(recipient.plan.view, "stop/"))
    assert Client().get(link).status_code == 404


def test_pages_are_cheap(client, fiona, django_assert_max_num_queries):
    view = made_view(fiona, ADDRESS)
    client.post(page_of(view), CHOSEN | {"people": [person(f"p{n}").pk for n in range(5)]})
    for more in ("", "preview/"):
        with django_assert_max_num_queries(25):
            assert client.get(page_of(view, more)).status_code == 200
