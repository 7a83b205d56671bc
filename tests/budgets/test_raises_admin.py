"""Raises in the admin: ask with a reason, let somebody else approve; what thresholds told."""

from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.urls import reverse

from apps.budgets.models import BudgetRaise
from apps.budgets.selectors import budget_states
from apps.budgets.services import settle_all
from apps.budgets.types import Resolution
from apps.core.clock import db_now
from tests.budgets.conftest import held, make_budget

ADD = reverse("admin:budgets_budgetraise_add")
DOLLAR = 10**12


@pytest.fixture
def budget(db):
    return make_budget("shop-month", 10 * DOLLAR, service="shop")


def person(client, name, *permissions):
    user = get_user_model()._default_manager.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)


def ask(client, chosen, **values):
    form = {"budget": chosen.pk, "amount_pico": "2.5", "reason": "A sale", **values}
    return client.post(ADD, form)


def decide(client, what):
    row = BudgetRaise.objects.get()
    url = reverse("admin:budgets_budgetraise_action", args=[row.pk, what])
    answer = client.post(url, {"confirmed": "1", "reason": "It pays"})
    row.refresh_from_db()
    return answer.status_code, row.status


def limit_of(budget):
    return budget_states(budgets=[budget], now=db_now())[0].limit_pico


def test_one_asks_and_another_approves(client, budget):
    person(client, "asks", "add_budgetraise", "view_budgetraise", "approve_raise")
    assert ask(client, budget).status_code == 302
    assert decide(client, "approve") == (302, "requested")  # not by who asked
    assert limit_of(budget) == 10 * DOLLAR

    person(client, "approves", "view_budgetraise", "approve_raise")
    assert decide(client, "approve") == (302, "approved")

    assert limit_of(budget) == 125 * DOLLAR // 10
    row = BudgetRaise.objects.get()
    assert (str(row.requested_by), str(row.decided_by)) == ("asks", "approves")


def test_the_list_leads_to_the_raise_and_to_its_budget(client, budget):
    person(client, "asks", "add_budgetraise", "view_budgetraise")
    ask(client, budget)
    row = BudgetRaise.objects.get()

    shown = client.get(reverse("admin:budgets_budgetraise_changelist")).content.decode()

    leads = reverse("admin:budgets_budgetraise_change", args=[row.pk])
    assert f'<a href="{leads}' in shown
    assert reverse("admin:budgets_budget_change", args=[budget.pk]) in shown


@pytest.mark.django_db
def test_a_window_is_named_by_the_day_in_its_budgets_zone(client):
    made = make_budget("early", DOLLAR, period="day", time_zone="Pacific/Kiritimati")
    person(client, "asks", "add_budgetraise", "view_budgetraise")
    ask(client, made)

    today = db_now().astimezone(ZoneInfo("Pacific/Kiritimati"))
    assert str(BudgetRaise.objects.get()) == f"raise of early from {today:%Y-%m-%d}"


def test_without_the_permission_nobody_decides(client, budget):
    person(client, "asks", "add_budgetraise", "view_budgetraise")
    ask(client, budget)

    person(client, "reads", "view_budgetraise")

    assert decide(client, "approve") == (403, "requested")
    assert client.get(ADD).status_code == 403


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("reason", "", "This field is required"),
        ("amount_pico", "0", "More than nothing."),
        ("amount_pico", "much", "is not an amount of dollars"),
        ("budget", "0", "Select a valid choice"),
        ("until_0", "2020-01-01", "This time has passed."),
        ("until_1", "noon", "Enter a valid time."),
    ],
)
def test_a_wrong_form_says_what_is_wrong(admin_client, budget, field, value, fault):
    until = {"until_0": "2099-01-01", "until_1": "12:00"}

    page = ask(admin_client, budget, **until | {field: value})

    assert page.status_code == 200
    assert fault in page.content.decode()
    assert not BudgetRaise.objects.exists()


def test_the_budgets_page_draws_how_the_money_went(admin_client, budget):
    now = db_now()
    settle_all(resolutions=[Resolution(held(6 * DOLLAR, now=now), 5 * DOLLAR)], now=now)
    ask(admin_client, budget)

    page = admin_client.get(reverse("admin:budgets_budget_change", args=[budget.pk]))

    text = page.content.decode()
    assert '<svg class="l-chart"' in text
    assert "limit $10.00" in text
    assert f"{ADD}?budget={budget.pk}" in text
    assert "style=" not in text.split('<svg class="l-chart"')[1].split("</svg>")[0]


def test_a_rolling_budget_has_a_page_too(admin_client, db):
    rolling = make_budget("rolling", DOLLAR, period="hours", length=6)

    page = admin_client.get(reverse("admin:budgets_budget_change", args=[rolling.pk]))

    assert "the last 6 hours" in page.content.decode()


def test_thresholds_and_raises_are_listed(admin_client, budget):
    held(9 * DOLLAR, now=db_now())
    ask(admin_client, budget)

    for name, text in [("thresholdcrossing", "80 % spent or held"), ("budgetraise", "$2.50")]:
        page = admin_client.get(reverse(f"admin:budgets_{name}_changelist"))
        assert text in page.content.decode()
    crossing = reverse("admin:budgets_thresholdcrossing_change", args=["1"])
    assert admin_client.post(crossing, {}).status_code in (302, 403)


def test_a_raise_of_a_rolling_budget_needs_an_end(admin_client, db):
    rolling = make_budget("rolls", 10 * DOLLAR, period="hours", length=6)

    page = ask(admin_client, rolling)

    assert "Say until when: no window of a rolling budget ends." in page.content.decode()
    assert not BudgetRaise.objects.exists()
