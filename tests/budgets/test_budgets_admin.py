"""Budgets in the admin: dollars, what is left, and what may still be changed."""

import pytest
from django.urls import reverse

from apps.access.models import Team
from apps.budgets.models import Budget, Hold, Window
from apps.budgets.services import settle_all
from apps.budgets.types import Resolution
from apps.core.clock import db_now
from apps.routing.models import Route
from tests.budgets.conftest import held, make_budget
from tests.factories import make_model

LIST = reverse("admin:budgets_budget_changelist")
CHANGEABLE = {
    "name": "Shop",
    "on_exceeded": "refuse",
    "min_output_tokens": "64",
    "carry_over": "none",
    "carry_cap_percent": "100",
    "thresholds": "50,100",
    "bases": ["actual", "forecast"],
    "notify": "finance@example.com",
}
FORM = CHANGEABLE | {
    "slug": "shop-month",
    "length": "0",
    "week_start": "0",
    "fiscal_month": "1",
    "limit_pico": "12.5",
    "hard": "on",
    "active": "on",
    "period": "month",
    "time_zone": "Europe/Berlin",
    "service": "shop",
}


def url(row, page="change"):
    return reverse(f"admin:budgets_{row._meta.model_name}_{page}", args=[row.pk])


@pytest.fixture
def used(db):
    """A budget of $10: 2 spent, 6.5 held, so 85 % used."""
    budget = make_budget("shop-month", 10 * 10**12, service="shop")
    first = held(3 * 10**12, now=db_now())
    settle_all(resolutions=[Resolution(first, 2 * 10**12)], now=db_now())
    held(65 * 10**11, now=db_now())
    return budget


def test_the_list_shows_what_is_spent_and_left(admin_client, used):
    page = admin_client.get(LIST).content.decode()

    for text in ("service <strong>shop</strong>", "$10.00", "$2.00", "$8.50", "85%", "hard"):
        assert text in page
    assert 'value="0.850"' in page


def test_a_budget_is_made_in_dollars(admin_client):
    answer = admin_client.post(reverse("admin:budgets_budget_add"), FORM)

    assert answer.status_code == 302
    budget = Budget.objects.get()
    assert (budget.limit_pico, budget.scope) == (125 * 10**11, {"service": "shop"})
    assert (budget.thresholds, budget.bases) == ([50, 100], ["actual", "forecast"])
    assert budget.notify == ["finance@example.com"]


def test_a_budget_of_what_does_not_exist_is_made_and_says_so(admin_client):
    names = {"team": "sales", "service": "shpo", "prompt": "greting", "tag": "any tag"}

    page = admin_client.post(reverse("admin:budgets_budget_add"), FORM | names, follow=True)

    assert Budget.objects.get().service == "shpo"
    text = page.content.decode()
    for field, name in (("team", "sales"), ("service", "shpo"), ("prompt", "greting")):
        assert f"No {field} is called “{name}”: nothing counts to this budget yet." in text
    assert "No tag" not in text


def test_a_budget_of_what_exists_says_nothing(admin_client):
    team = Team.objects.create(slug="sales", name="Sales")

    page = admin_client.post(
        reverse("admin:budgets_budget_add"), FORM | {"service": "", "team": team.slug}, follow=True
    )

    assert "nothing counts" not in page.content.decode()


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("limit_pico", "a lot", "is not an amount of dollars"),
        ("limit_pico", "-1", "A limit cannot be negative."),
        ("limit_pico", "0.0000000000001", "finer than a pico-dollar"),
        ("limit_pico", "99999999999999", "less than or equal"),
        ("time_zone", "Mars/Base", "is not a time zone"),
        ("length", "6", "Only a rolling period has a length."),
        ("cheaper_model", "mini", "Give it with “Try the cheaper model”"),
        ("thresholds", "0", "From 1 to 1000 percent."),
        ("slug", "not a slug", "valid “slug”"),
    ],
)
def test_a_wrong_form_says_what_is_wrong(admin_client, field, value, fault):
    page = admin_client.post(reverse("admin:budgets_budget_add"), FORM | {field: value})

    assert page.status_code == 200
    assert fault in page.content.decode()
    assert not Budget.objects.exists()


CHEAPER = FORM | {"on_exceeded": "cheaper", "cheaper_model": "mini"}


def test_a_cheaper_model_that_does_not_exist_is_refused(admin_client):
    page = admin_client.post(reverse("admin:budgets_budget_add"), CHEAPER)

    assert "No route or model is called “mini”." in page.content.decode()
    assert not Budget.objects.exists()


@pytest.mark.parametrize("kind", ["model", "route"])
def test_a_cheaper_model_is_a_model_or_a_route_and_may_go_later(admin_client, kind):
    made = make_model("mini") if kind == "model" else Route.objects.create(slug="mini")
    admin_client.post(reverse("admin:budgets_budget_add"), CHEAPER)
    budget = Budget.objects.get(cheaper_model="mini")
    made.delete()

    answer = admin_client.post(url(budget), CHEAPER | {"limit_pico": "1", "reason": "Too much"})

    assert answer.status_code == 302
    assert Budget.objects.get().limit_pico == 10**12


def test_the_limit_can_be_changed_and_resets_nothing(admin_client, used):
    form = CHANGEABLE | {"limit_pico": "20", "hard": "on", "active": "on", "reason": "A sale"}

    assert admin_client.post(url(used), form).status_code == 302

    used.refresh_from_db()
    assert used.limit_pico == 20 * 10**12
    assert "$11.50" in admin_client.get(url(used)).content.decode()


def test_what_it_counts_is_not_in_the_form_any_more(admin_client, used):
    form = CHANGEABLE | {"limit_pico": "10", "hard": "on", "active": "on", "service": "other"}

    admin_client.post(url(used), form)

    used.refresh_from_db()
    assert used.service == "shop"
    page = admin_client.get(url(used)).content.decode()
    assert 'name="service"' not in page
    assert 'name="limit_pico"' in page
    assert f"?table=budgets.Budget&amp;q={used.pk}" in page


def test_a_budget_in_use_cannot_be_deleted(admin_client, used):
    admin_client.post(url(used, "delete"), {"post": "yes"})

    assert Budget.objects.filter(pk=used.pk).exists()


def test_windows_and_holds_are_only_to_look_at(admin_client, used):
    for row in (Window.objects.get(), Hold.objects.first()):
        page = admin_client.get(url(row))
        assert page.status_code == 200
        assert admin_client.post(url(row), {}).status_code == 403
        assert admin_client.post(url(row, "delete"), {"post": "yes"}).status_code == 403
        listed = reverse(f"admin:budgets_{row._meta.model_name}_changelist")
        assert admin_client.get(listed).status_code == 200
    only = admin_client.get(reverse("admin:budgets_window_changelist"), {"budget": used.pk})
    assert only.context["cl"].result_count == 1


def test_the_list_asks_a_fixed_number_of_queries(admin_client, django_assert_max_num_queries):
    for number in range(30):
        make_budget(f"b{number}")

    with django_assert_max_num_queries(15):
        assert admin_client.get(LIST).context["cl"].result_count == 30


def test_an_empty_list_offers_to_make_one(admin_client):
    assert "nothing limits what services spend" in admin_client.get(LIST).content.decode()
