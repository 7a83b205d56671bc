"""The list of budgets: the most endangered first, found by what they count, in a fixed number of
queries."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.urls import reverse

from apps.budgets.models import Budget, WindowDay
from apps.budgets.overview import Standing, overviews
from apps.budgets.services import settle_all
from apps.budgets.types import Resolution
from apps.core.clock import db_now
from tests.budgets.conftest import NOW, SHOP, held, make_budget
from tests.ledger.books import booked

pytestmark = pytest.mark.django_db
LIST = reverse("admin:budgets_budget_changelist")
DAY = timedelta(days=1)
DOLLAR = 10**12


def spend(model, amount, *, held_too=0, now=NOW):
    scope = replace(SHOP, model=model)
    settle_all(resolutions=[Resolution(held(amount, scope=scope, now=now), amount)], now=now)
    if held_too:
        held(held_too, scope=scope, now=now)


def looked(now=NOW):
    found = overviews(budgets=list(Budget.objects.all()), now=now)
    return sorted(found, key=lambda one: one.danger)


def test_the_most_endangered_come_first():
    for name in ("fine", "near", "full", "used", "fast"):
        make_budget(name, 1000, model=name)
    make_budget("closed", 0, model="closed")
    make_budget("unused", 1000, model="unused")
    make_budget("off", 1000, model="off", active=False)
    make_budget("lifelong", 1000, model="near", period="lifetime")
    # 3.5 of 31 days have passed: at this pace 1,000 are gone when 113 are spent
    spend("fine", 100)
    spend("near", 90, held_too=750)
    spend("full", 90, held_too=910)
    spend("used", 1000)
    spend("fast", 200)

    found = [(one.budget.slug, one.standing) for one in looked()]

    assert found == [
        ("used", Standing.USED_UP),
        ("full", Standing.FULL),
        ("fast", Standing.RUNS_OUT),
        ("lifelong", Standing.NEAR),
        ("near", Standing.NEAR),
        ("fine", Standing.FINE),
        ("unused", Standing.UNUSED),
        ("closed", Standing.CLOSED),
        ("off", Standing.OFF),
    ]


def test_the_list_shows_them_in_this_order_or_in_that_of_a_column(admin_client):
    now = db_now()
    for name in ("alpha", "beta", "gamma"):
        make_budget(name, 1000, model=name)
    spend("gamma", 1000, now=now)
    spend("beta", 850, now=now)

    def shown(**query):
        return [row.slug for row in admin_client.get(LIST, query).context["cl"].result_list]

    assert shown() == ["gamma", "beta", "alpha"]
    assert shown(o="0") == ["alpha", "beta", "gamma"]
    assert shown(state="used_up") == ["gamma"]
    assert shown(state="unused") == ["alpha"]
    assert shown(q="beta") == ["beta"]
    assert shown(state="nonsense") == ["gamma", "beta", "alpha"]
    assert shown(hard__exact="0") == []


def test_a_row_says_all_that_finance_looks_for(admin_client):
    now = db_now()
    make_budget("dear", 1000 * 10**12, model="dear", thresholds=[50], bases=["actual"])
    spend("dear", 600 * 10**12, held_too=100 * 10**12, now=now)

    page = admin_client.get(LIST).content.decode()

    for text in (
        "model <strong>dear</strong>",
        "$600.00",
        "$1,000.00",
        'value="0.700"',
        "70%",
        "$700.00",
        "50 % spent",
    ):
        assert text in page


def test_amounts_of_any_size_are_shown(admin_client):
    now = db_now()
    make_budget("tiny", 2_400_000, model="tiny")
    make_budget("huge", 9_000_000 * 10**12, model="huge")
    spend("tiny", 1_200_000, now=now)
    spend("huge", 8_123_456 * 10**12 + 1, now=now)

    page = admin_client.get(LIST).content.decode()

    assert "$0.000001" in page
    assert "$8,123,456.00" in page
    assert "8123456.000000000001 USD" in page


def test_five_hundred_budgets_ask_no_more_than_one(admin_client, django_assert_max_num_queries):
    for number in range(500):
        period = ("month", "day", "hours")[number % 3]
        length = 6 if period == "hours" else 0
        carry = "both" if period == "month" else "none"
        name, model = f"b{number}", f"m{number % 50}"
        make_budget(name, period=period, length=length, carry_over=carry, model=model)
    for number in range(50):
        spend(f"m{number}", 10, now=db_now())

    with django_assert_max_num_queries(15):
        page = admin_client.get(LIST)
    assert len(page.context["cl"].result_list) == 50
    with django_assert_max_num_queries(15):
        last = admin_client.get(LIST, {"p": "10"})
    assert len(last.context["cl"].result_list) == 50
    assert "500 budgets" in last.content.decode()


def test_a_week_of_costs_makes_a_forecast_of_weekdays():
    """NOW is Monday noon, 4 May: 27 days of May are to come after it."""
    budget = make_budget("steady", 1_000_000, model="steady")
    spend("steady", 600, now=NOW)
    window = budget.windows.get()
    april = [NOW.date() - DAY * n for n in range(1, 29)]
    WindowDay.objects.bulk_create(
        WindowDay(window=window, day=day, posted_pico=1400 if day.weekday() == 0 else 100)
        for day in april
    )

    [found] = looked()

    assert found.outlook.method == "weekdays"
    # half a Monday, then three more of them and 24 other days
    assert found.outlook.total == 600 + 700 + 3 * 1400 + 24 * 100


def test_a_new_budget_is_forecast_by_what_its_calls_cost_before(admin_client):
    """And says nothing, rather than 0, where there were none."""
    now = db_now()
    for n in range(1, 29):
        booked(now - DAY * n, DOLLAR, service="shop", model="m")
        booked(now - DAY * n, 5, service="other", model="m")
    made = make_budget("new", 100 * DOLLAR, service="shop", model="m")
    make_budget("all", 100 * DOLLAR)
    idle = make_budget("idle", 100 * DOLLAR, service="idle")

    found = {one.budget.slug: one.outlook for one in looked(now)}

    days = len(found["new"].to_come) - 1
    assert days * DOLLAR <= found["new"].total <= (days + 1) * DOLLAR  # and a part of today
    assert found["all"].total > found["new"].total
    assert found["idle"].total is None
    cards = admin_client.get(reverse("admin:budgets_budget_change", args=[idle.pk])).content
    assert "nothing to go by: nothing was spent" in cards.decode()
    page = admin_client.get(reverse("admin:budgets_budget_change", args=[made.pk]))
    assert page.context["found"].outlook.method == "weekdays"


def test_what_runs_out_names_the_day():
    budget = make_budget("steady", 2000, model="steady")
    spend("steady", 1000, now=NOW)
    window = budget.windows.get()
    WindowDay.objects.bulk_create(
        WindowDay(window=window, day=NOW.date() - DAY * n, posted_pico=200) for n in range(1, 9)
    )

    [found] = looked()

    assert found.standing == Standing.RUNS_OUT
    assert found.outlook.runs_out == NOW.date() + 5 * DAY  # 100 today, 200 a day from then on
