"""Letters: what they say, once for each period, to whom may see it."""

import re
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from apps.core import tasks
from apps.finance.mailing.content import Unanswerable, question_of
from apps.finance.models import Letter, MailAddress, MailPlan, SavedView
from apps.finance.services import deliver_letters, put_due_letters, save_plan, stop_plan
from tests.fakes.mail import mail_server
from tests.finance.conftest import booked

pytestmark = pytest.mark.django_db
DAY, DOLLAR = timedelta(days=1), 10**12
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
MONDAY = datetime(2026, 3, 9, 7, tzinfo=UTC)
WEEKLY = {"every": "week", "weekday": 1, "month_day": 1, "hour": 7}
ADDRESS = "range=last-week&group_by=service"


@pytest.fixture
def box(settings):
    with mail_server() as box:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
        settings.DEFAULT_FROM_EMAIL = "costs@example.com"
        settings.WEB_URL = "https://llm.example.com"
        yield box


def person(name, role="finance"):
    user = User.objects.create_user(name, f"{name}@example.com", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return user


def made_view(owner, address=ADDRESS, name="Shop & co"):
    return SavedView.objects.create(owner=owner, name=name, address=address)


def planned(view, *people, addresses=(), **moment):
    return save_plan(
        view=view,
        moment=WEEKLY | moment,
        people=people,
        addresses=addresses,
        now=NOW,
        zone="UTC",
    )


def round_of(now):
    put_due_letters(now=now, zone="UTC")
    return deliver_letters(now=now, zone="UTC")


def parts(message):
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    return text, html


class _Words(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_data(self, data):
        self.found.append(data)


def said(html):
    return re.sub(r"\s+", " ", " ".join(_Words(html).found))


def week_of_costs():
    for day in range(7):
        at = datetime(2026, 3, 2, 12, tzinfo=UTC) + DAY * day
        booked("shop", at, 2 * DOLLAR)
        booked("<b>crm</b>", at - 7 * DAY, DOLLAR)
    booked("", MONDAY - 4 * DAY, DOLLAR // 2)


def test_it_says_what_the_report_says_in_both_forms(box):
    week_of_costs()
    fiona = person("fiona")
    planned(made_view(fiona), fiona)

    assert round_of(MONDAY - timedelta(seconds=1)) == 0
    assert round_of(MONDAY) == 1

    (message,) = box.messages
    assert message["Subject"] == "Shop & co: $14.50, 2026-03-02 to 2026-03-08"
    assert (message["To"], message["From"]) == ("fiona@example.com", "costs@example.com")
    text, html = parts(message)
    for words in (text, said(html)):
        assert "2026-03-02 to 2026-03-08" in words
        assert "2026-02-23 to 2026-03-01" in words  # the period before
        assert re.search(r"Cost:?\s+\$14\.50 .*▲ 107\.1%.*\$7\.00 before", words)
        assert re.search(r"<b>crm</b>\s+\$7\.00\s+→\s+\$0\.00\s+-\$7\.00\s+▼", words)
        assert re.search(r"shop\s+\$14\.00\s+96\.6%\s+\+\$14\.00\s+7\s+\$2\.00", words)
        assert re.search(r"\(none\)\s+\$0\.500000", words)
        assert re.search(r"2 Mar\s+\$2\.00", words)
        assert "14.500000000000 USD" in words
        assert "Drift 0" in words
    assert "<b>crm" not in html  # a name is text, whatever it is made of
    assert "<img" not in html
    assert "<svg" not in html


def test_its_links_open_the_same_numbers_and_the_view(box):
    week_of_costs()
    fiona = person("fiona")
    planned(made_view(fiona), fiona)
    round_of(MONDAY)

    text, _ = parts(box.messages[0])
    frozen, live, stop = re.findall(r"https://llm\.example\.com(/\S+)", text)
    client = Client()
    client.force_login(fiona)
    assert frozen == "/admin/costs/?from=2026-03-02&to=2026-03-08&group_by=service"
    page = client.get(frozen)
    assert page.context["exploration"].total.sums.amount_pico == 14_500_000_000_000
    assert live == f"/admin/costs/?{ADDRESS}"
    assert client.get(live).status_code == 200
    assert stop.startswith("/admin/costs/mail/stop/")


def test_each_period_comes_once_however_often_it_is_looked(box):
    fiona, olga = person("fiona"), person("olga", "operator")
    planned(made_view(fiona), fiona, olga)

    assert [round_of(MONDAY), round_of(MONDAY), round_of(MONDAY + DAY)] == [2, 0, 0]
    assert round_of(MONDAY + 7 * DAY) == 2
    # three weeks asleep: one letter, of the newest week
    assert round_of(MONDAY + 30 * DAY) == 2

    days = [(letter.day, str(letter.recipient)) for letter in Letter.objects.order_by("day")]
    mondays = [date(2026, 3, 9), date(2026, 3, 16), date(2026, 4, 6)]
    assert sorted(days) == [(day, name) for day in mondays for name in ("fiona", "olga")]
    assert len({message["Message-ID"] for message in box.messages}) == 6


def test_nothing_booked_is_said_too(box):
    fiona = person("fiona")
    planned(made_view(fiona), fiona)
    round_of(MONDAY)
    for words in parts(box.messages[0]):
        assert "Nothing was booked in these days" in words


def test_a_server_that_refuses_is_tried_again_with_the_same_message(box):
    fiona = person("fiona")
    planned(made_view(fiona), fiona)
    box.refusal = "451 try later"

    assert round_of(MONDAY) == 0
    letter = Letter.objects.get()
    assert (letter.tries, letter.next_try_at) == (1, MONDAY + timedelta(minutes=1))
    assert "try later" in letter.error
    box.refusal = ""
    booked("shop", datetime(2026, 3, 8, 12, tzinfo=UTC), DOLLAR)  # came late
    assert round_of(MONDAY + timedelta(seconds=59)) == 0
    assert round_of(MONDAY + timedelta(minutes=1)) == 1

    (message,) = box.messages
    assert message["Message-ID"] == f"<costs.{letter.pk}@example.com>"
    assert "Nothing was booked" in parts(message)[0]  # as it was written first
    letter.refresh_from_db()
    assert (letter.tries, letter.error, letter.text, letter.html) == (2, "", "", "")


def test_an_address_that_is_none_keeps_no_letter_from_others(box):
    fiona, typo = person("fiona"), person("typo")
    User.objects.filter(pk=typo.pk).update(email="typo@example..com")
    planned(made_view(fiona), typo, fiona)

    assert round_of(MONDAY) == 1

    assert [message["To"] for message in box.messages] == ["fiona@example.com"]
    waiting = Letter.objects.get(sent_at=None)
    assert "typo@example..com" in waiting.error
    User.objects.filter(pk=typo.pk).update(email="typo@example.com")
    assert round_of(waiting.next_try_at) == 1


def test_a_round_ends_though_letters_are_left_as_its_thread_has_more_to_do(box, monkeypatch):
    fiona, carl = person("fiona"), person("carl")
    planned(made_view(fiona), fiona, carl)
    monkeypatch.setattr(tasks, "ROUND", 0)
    assert [round_of(MONDAY) for _ in range(3)] == [1, 1, 0]


def test_a_newer_letter_takes_the_place_of_one_that_nobody_took(box):
    fiona = person("fiona")
    planned(made_view(fiona), fiona)
    box.refusal = "550 no"
    round_of(MONDAY)
    box.refusal = ""

    assert round_of(MONDAY + 7 * DAY) == 1
    old = Letter.objects.get(day=date(2026, 3, 9))
    assert (old.sent_at, old.dropped_at) == (None, MONDAY + 7 * DAY)
    assert "newer letter" in old.error


@pytest.mark.parametrize("lost", ["role", "staff", "active"])
def test_who_may_not_see_costs_any_more_gets_nothing(box, lost):
    fiona, olga = person("fiona"), person("olga", "operator")
    planned(made_view(fiona), fiona, olga)
    olga.groups.set([] if lost == "role" else olga.groups.all())
    olga.is_staff, olga.is_active = lost != "staff", lost != "active"
    olga.save()

    assert round_of(MONDAY) == 1
    assert [message["To"] for message in box.messages] == ["fiona@example.com"]
    assert Letter.objects.get(dropped_at=MONDAY).error == "They may not see costs any more."


def test_rights_are_asked_again_before_another_try(box):
    fiona, olga = person("fiona"), person("olga", "operator")
    planned(made_view(fiona), olga)
    box.refusal = "451 try later"
    round_of(MONDAY)
    box.refusal = ""
    olga.groups.clear()

    assert round_of(MONDAY + DAY) == 0
    assert box.messages == []
    letter = Letter.objects.get()
    assert (letter.dropped_at, letter.text, letter.html) == (MONDAY + DAY, "", "")


def test_nobody_gets_it_when_the_owner_may_not_see_costs_any_more(box):
    fiona, olga = person("fiona"), person("olga", "operator")
    outside = MailAddress.objects.create(address="board@example.org", note="The board")
    planned(made_view(fiona), olga, addresses=[outside])
    fiona.groups.clear()

    assert round_of(MONDAY) == 0
    assert box.messages == []
    errors = set(Letter.objects.values_list("error", flat=True))
    assert errors == {"The view’s owner, fiona, may not see costs any more."}


def test_an_address_gets_it_as_long_as_it_is_allowed(box):
    fiona = person("fiona")
    outside = MailAddress.objects.create(address="board@example.org", note="The board")
    planned(made_view(fiona), addresses=[outside])

    assert round_of(MONDAY) == 1
    assert [message["To"] for message in box.messages] == ["board@example.org"]
    outside.delete()
    assert round_of(MONDAY + 7 * DAY) == 0


def test_what_waits_goes_with_its_plan(box):
    fiona = person("fiona")
    view = made_view(fiona)
    planned(view, fiona)
    put_due_letters(now=MONDAY, zone="UTC")

    assert stop_plan(view=view)
    assert deliver_letters(now=MONDAY, zone="UTC") == 0
    assert not stop_plan(view=view)
    assert not MailPlan.objects.exists()


def test_a_question_without_an_answer_is_given_up_with_the_reason(box):
    fiona = person("fiona")
    view = made_view(fiona)
    planned(view, fiona)
    SavedView.objects.filter(pk=view.pk).update(address="range=last-week&group_by=gone")

    assert round_of(MONDAY) == 0
    assert "Unknown: “gone”" in Letter.objects.get().error


def test_a_range_that_is_not_over_ends_the_day_before():
    def days(name, day):
        found = question_of(address=f"range={name}", day=day, zone="UTC").days
        return (found.first.isoformat(), found.last.isoformat())

    first_of_march = date(2026, 3, 1)
    assert days("7d", date(2026, 3, 9)) == ("2026-03-02", "2026-03-08")
    assert days("last-week", date(2026, 3, 9)) == ("2026-03-02", "2026-03-08")
    assert days("last-week", date(2026, 3, 8)) == ("2026-02-23", "2026-03-01")
    assert days("month", first_of_march) == ("2026-02-01", "2026-02-28")
    assert days("last-month", first_of_march) == ("2026-02-01", "2026-02-28")
    assert days("today", first_of_march) == ("2026-02-28", "2026-02-28")
    with pytest.raises(Unanswerable, match="range"):
        question_of(address="range=7y", day=first_of_march, zone="UTC")


def test_a_long_range_of_many_groups_is_still_a_letter(box):
    for n in range(60):
        booked(f"s{n:02}", NOW - DAY * n, (n + 1) * DOLLAR)
    booked("", NOW, 1)
    fiona = person("fiona")
    client = Client()
    client.force_login(fiona)
    view = made_view(fiona, "range=90d&group_by=service,model", "x\r\nBcc: a@b.c")
    planned(view, fiona)
    round_of(MONDAY)

    (message,) = box.messages
    assert message["Bcc"] is None
    assert message["Subject"].startswith("x Bcc: a@b.c: $1,830.00")
    text, html = parts(message)
    for words in (text, said(html)):
        assert "40 more" in words
        assert re.search(r"\(none\) · m\s+\$0\.0", words)
        assert "Cost by seven days and service".lower() in words.lower()
    widths = [sum(map(int, re.findall(r'<td width="(\d+)%"', row))) for row in html.split("<tr>")]
    assert {width for width in widths if width} == {100}
    assert len(html) < 100_000  # programs cut off what is longer
