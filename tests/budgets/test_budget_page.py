"""The page of one budget: cards, burn-down, what-if, refused calls, raises, thresholds, changes."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.http import QueryDict
from django.urls import reverse

from apps.budgets.admin.what_if import what_if
from apps.budgets.models import Alert, Budget, Refusal
from apps.budgets.services import settle_all
from apps.budgets.services.alerts import deliver_alerts
from apps.budgets.services.raises import approve_raise, request_raise
from apps.budgets.types import BudgetExceeded, Resolution
from apps.budgets.windows import bounds_now
from apps.core.clock import db_now
from tests.budgets.conftest import held, hold, make_budget
from tests.budgets.test_budgets_admin import CHANGEABLE
from tests.ledger.books import booked

pytestmark = pytest.mark.django_db
DOLLAR = 10**12
TICK = timedelta(microseconds=1)


def url(budget):
    return reverse("admin:budgets_budget_change", args=[budget.pk])


def text_of(client, budget, **query):
    answer = client.get(url(budget), query)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def people(db):
    made = {}
    for role in ("finance", "operator", "auditor"):
        user = User.objects.create_user(role, is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        made[role] = user
    return made


@pytest.fixture
def finance(client, people):
    client.force_login(people["finance"])
    return client


@pytest.fixture
def used(db):
    """Of $10, 5 are spent and 2 held."""
    budget = make_budget("shop-month", 10 * DOLLAR, service="shop", notify=["cfo@example.com"])
    now = db_now()
    settle_all(resolutions=[Resolution(held(6 * DOLLAR, now=now), 5 * DOLLAR)], now=now)
    held(2 * DOLLAR, now=now)
    return budget


def test_cards_say_what_is_spent_committed_and_left(finance, used):
    cards = {card.label: card for card in finance.get(url(used)).context["cards"]}

    assert list(cards) == ["Spent", "Committed", "Left", "Forecast", "Runs out", "Starts anew"]
    assert "$5.00" in cards["Spent"].value
    assert "50% of" in cards["Spent"].note
    assert "$7.00" in cards["Committed"].value
    assert "$2.00" in cards["Committed"].note
    assert "$3.00" in cards["Left"].value


def test_it_starts_anew_in_the_budgets_own_zone(finance):
    budget = make_budget("early", DOLLAR, period="day", time_zone="Pacific/Kiritimati")

    [card] = [c for c in finance.get(url(budget)).context["cards"] if c.label == "Starts anew"]

    assert card.note == "00:00 in Pacific/Kiritimati"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "No call was refused by this budget."),
        ({"period": "lifetime"}, "a lifetime has one window"),
        ({"period": "hours", "length": 6}, "calls stop counting after 6 hours"),
        ({"limit_pico": 0}, "Closed"),
        ({"active": False}, "Off"),
        ({"hard": False}, "A soft budget refuses nothing"),
        ({"team": "t" * 50, "tag": "x" * 100}, "x" * 100),
    ],
)
def test_budgets_without_any_spending_have_a_page(finance, values, said):
    budget = make_budget("new", **{"limit_pico": DOLLAR, **values})

    page = text_of(finance, budget)

    assert said in page
    assert "Nobody has asked for more in this window." in page


def test_the_picture_and_its_table_say_the_same(finance, used):
    page = finance.get(url(used))

    course = page.context["course"]
    assert course.steps[course.now].spent == 5 * DOLLAR
    assert {step.limit for step in course.steps} == {10 * DOLLAR}
    assert course.steps[-1].ideal == 10 * DOLLAR
    assert "committed $7.00" in page.content.decode()
    assert "The same as a table" in page.content.decode()


def test_a_raise_is_a_step_of_the_limit_and_stands_below(finance, people, used):
    row = request_raise(
        budget=used, amount_pico=4 * DOLLAR, reason="A sale", by=people["operator"], now=db_now()
    )
    approve_raise(raise_id=row.pk, by=people["finance"], now=db_now())

    page = finance.get(url(used))

    course = page.context["course"]
    assert course.steps[-1].limit == 14 * DOLLAR
    assert [step.limit for step in course.steps[: course.now]] == [10 * DOLLAR] * course.now
    assert "A sale" in page.content.decode()
    assert f"{reverse('admin:budgets_budgetraise_add')}?budget={used.pk}" in page.content.decode()


def test_refused_calls_are_counted(finance, used):
    for _ in range(3):
        assert isinstance(hold(9 * DOLLAR, now=db_now()), BudgetExceeded)
    assert isinstance(hold(0, now=db_now(), priced=False), BudgetExceeded)

    row = Refusal.objects.get()
    assert (row.calls, row.unpriced, row.waiting) == (4, 1, 0)
    assert (row.service, row.model, row.needed_pico) == ("shop", "gpt-mini", 27 * DOLLAR)
    refusals = finance.get(url(used)).context["refusals"]
    assert (refusals["calls"], refusals["rows"][0]["needed"]) == (4, 27 * DOLLAR)


def test_jobs_that_wait_are_counted_as_such(db):
    make_budget("queue", 5 * DOLLAR, on_exceeded="queue")
    held(4 * DOLLAR, now=db_now())

    hold(3 * DOLLAR, now=db_now())

    assert Refusal.objects.get().waiting == 1


def test_thresholds_tell_to_whom_they_were_sent_and_how_often_it_was_tried(finance, used, settings):
    now = db_now()
    backend = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    deliver_alerts(now=now)
    assert "after 1 tries" in text_of(finance, used)
    settings.EMAIL_BACKEND = backend
    assert deliver_alerts(now=now + timedelta(minutes=2)) == Alert.objects.count() > 0
    Budget.objects.filter(pk=used.pk).update(notify=["other@example.com"])

    page = text_of(finance, used)

    assert {tuple(alert.sent_to) for alert in Alert.objects.all()} == {("cfo@example.com",)}
    assert "cfo@example.com" in page
    assert "at try 2, before:" in page
    assert "Connection refused" in page


def test_a_change_of_the_limit_needs_a_reason_and_stands_in_the_history(finance, used):
    form = CHANGEABLE | {"limit_pico": "20", "active": "on", "notify": "cfo@example.com"}

    refused = finance.post(url(used), form)
    assert "Say why, for somebody who was not here." in refused.content.decode()
    used.refresh_from_db()
    assert used.limit_pico == 10 * DOLLAR
    assert "$10.00" in refused.context["cards"][0].note  # not what was typed
    assert finance.post(url(used), form | {"reason": "The new shop opens"}).status_code == 302

    change, made = finance.get(url(used)).context["changes"]
    assert (change.by, change.reason) == ("finance", "The new shop opens")
    said = {field.label: (field.before, field.after) for field in change.fields}
    assert said["limit"] == ("$10.00", "$20.00")
    assert said["hard"] == ("hard", "soft")
    assert (made.by, made.fields) == ("", [])


def test_addresses_may_change_without_a_reason(finance, used):
    form = CHANGEABLE | {"limit_pico": "10", "active": "on", "hard": "on", "notify": ""}

    assert finance.post(url(used), form).status_code == 302


@pytest.fixture
def last_month(used):
    """Three calls of the shop in the month before, and one of somebody else."""
    start, _ = bounds_now([used], bounds_now([used], db_now())[used.pk][0] - TICK)[used.pk]
    for day, (service, amount) in enumerate([("shop", 4), ("other", 50), ("shop", 3), ("shop", 2)]):
        booked(start + timedelta(days=day, hours=5), amount * DOLLAR, service=service)
    return start


def test_a_limit_is_tried_on_last_month(finance, used, last_month):
    page = finance.get(url(used), {"limit": "6.50"})

    found = page.context["what_if"]["found"]
    assert (found.calls, found.refused.calls, found.refused.amount) == (3, 2, 5 * DOLLAR)
    assert found.closed_at == last_month + timedelta(days=2, hours=5)
    text = page.content.decode()
    assert 'name="limit" value="6.50"' in text
    assert "Smaller calls could still have used" in text


def test_a_limit_that_fits_says_so(finance, used, last_month):
    assert "calls would have fit" in text_of(finance, used, limit="9")


def test_an_earlier_month_may_be_chosen(finance, used, last_month):
    periods = finance.get(url(used)).context["what_if"]["form"].fields["period"].choices
    assert len(periods) == 12

    page = text_of(finance, used, limit="1", period=periods[3][0])

    assert "No call of what this budget counts was booked in" in page


def test_each_day_may_be_chosen_where_a_day_of_23_hours_begins_and_ends_on_one_of_utc(db):
    budget = make_budget("day", DOLLAR, period="day", time_zone="Europe/London")
    asked = what_if(budget=budget, asked=QueryDict(), now=datetime(2026, 4, 5, 12, tzinfo=UTC))
    days = [day for day, _ in asked["form"].fields["period"].choices]
    assert days == [str(date(2026, 4, 4) - timedelta(days=n)) for n in range(12)]


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ({"limit": "much"}, "is not an amount of dollars"),
        ({"limit": ""}, "This field is required."),
        ({"limit": "-1"}, "A limit cannot be negative."),
        ({"limit": "1", "period": "1999-01-01"}, "Select a valid choice"),
    ],
)
def test_a_wrong_question_says_what_is_wrong(finance, used, query, fault):
    page = finance.get(url(used), query)

    assert fault in page.content.decode()
    assert "found" not in page.context["what_if"]


@pytest.mark.parametrize("values", [{"period": "lifetime"}, {"period": "days", "length": 3}])
def test_nothing_is_asked_of_periods_that_do_not_follow_one_another(finance, values):
    budget = make_budget("endless", DOLLAR, **values)

    text = text_of(finance, budget, limit="1")
    assert "Nothing is replayed" in text
    assert 'name="limit"' not in text


def test_others_see_it_and_change_nothing(client, people, used):
    client.force_login(people["operator"])
    page = text_of(client, used, limit="1")

    assert 'name="reason"' not in page
    assert "Raise once" not in page
    assert client.post(url(used), CHANGEABLE | {"limit_pico": "20"}).status_code == 403


def test_the_page_asks_few_queries(finance, used, last_month, django_assert_max_num_queries):
    for _ in range(5):
        hold(9 * DOLLAR, now=db_now())

    with django_assert_max_num_queries(25):
        finance.get(url(used), {"limit": "6.50"})
