"""Budgets by command; and the command that checks the books."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from apps.budgets.changes import changes_of
from apps.budgets.models import Budget, Window
from apps.budgets.selectors import verify_windows
from apps.budgets.services import settle_all
from apps.budgets.types import Difference, Resolution
from tests.budgets.conftest import NOW, held, make_budget

pytestmark = pytest.mark.django_db


def create(*arguments):
    out = StringIO()
    call_command("create_budget", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_a_budget_is_made_with_its_scope_in_dollars():
    made = create(
        "shop-day", "--service", "shop", "--limit-usd", "0.25", "--period", "day", "--soft",
        "--time-zone", "Europe/Berlin",
    )  # fmt: skip

    assert made == {
        "budget": "shop-day",
        "limit_usd": "0.250000000000",
        "hard": False,
        "change": "created",
    }
    budget = Budget.objects.get()
    assert (budget.limit_pico, budget.scope) == (250_000_000_000, {"service": "shop"})
    assert (budget.period, budget.time_zone) == ("day", "Europe/Berlin")


def test_it_is_hard_and_monthly_unless_said_otherwise():
    create("all", "--limit-usd", "1")

    assert (Budget.objects.get().hard, Budget.objects.get().period) == (True, "month")


def test_repeating_it_changes_only_what_is_said():
    create("all", "--limit-usd", "1", "--soft")

    assert create("all", "--limit-usd", "1")["change"] == "unchanged"
    assert create("all", "--limit-usd", "2", "--reason", "Summer sale.") == {
        "budget": "all",
        "limit_usd": "2.000000000000",
        "hard": False,
        "change": "updated",
    }


def test_a_change_of_the_limit_needs_a_reason_which_its_page_shows():
    create("all", "--limit-usd", "1")

    with pytest.raises(CommandError, match="reason: Say why"):
        create("all", "--limit-usd", "2")
    create("all", "--limit-usd", "3", "--reason", "Summer sale.")

    assert [change.reason for change in changes_of(Budget.objects.get())] == ["Summer sale.", ""]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["x"], "limit_pico"),
        (["x", "--limit-usd", "much"], "limit_usd: “much” is not an amount of dollars."),
        (["x", "--limit-usd", "0.0000000000001"], "finer than a pico-dollar"),
        (["x", "--limit-usd", "-1"], "A limit cannot be negative."),
        (["x", "--limit-usd", "1", "--period", "fortnight"], "period:"),
        (["x", "--limit-usd", "1", "--time-zone", "Mars/Base"], "“Mars/Base” is not a time zone"),
    ],
)
def test_what_is_wrong_is_named(arguments, fault):
    with pytest.raises(CommandError, match=fault):
        create(*arguments)

    assert not Budget.objects.exists()


def test_what_a_budget_counts_is_fixed_and_says_so():
    make_budget("mine", service="shop")

    with pytest.raises(CommandError, match="service: Cannot change: what a budget counts is fixed"):
        create("mine", "--service", "search")


def test_the_management_api_says_so_too(admin_user):
    make_budget("mine", service="shop")
    client = APIClient()
    client.force_authenticate(admin_user)

    refused = client.patch("/api/v1/manage/budgets/mine/", {"period": "day"}, format="json")
    body = {"limit_usd": "3", "reason": "Summer sale."}
    raised = client.patch("/api/v1/manage/budgets/mine/", body, format="json")

    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "/period"
    assert (raised.status_code, raised.json()["limit_usd"]) == (200, "3.000000000000")


def test_the_management_api_asks_why_a_limit_changes(admin_user):
    make_budget("mine", service="shop")
    client = APIClient()
    client.force_authenticate(admin_user)

    unsaid = client.patch("/api/v1/manage/budgets/mine/", {"hard": False}, format="json")
    renamed = client.patch("/api/v1/manage/budgets/mine/", {"name": "Mine"}, format="json")

    assert (unsaid.status_code, unsaid.json()["errors"][0]["pointer"]) == (400, "/reason")
    assert renamed.status_code == 200
    assert Budget.objects.get().hard


def test_books_that_agree_pass_the_check():
    make_budget()
    settle_all(resolutions=[Resolution(held(100), 0)], now=NOW)
    held(50)
    out = StringIO()

    call_command("verify_ledger", stdout=out)

    assert "agree to the last pico-dollar" in out.getvalue()


def test_a_difference_of_one_pico_is_found():
    make_budget()
    held(50)
    Window.objects.update(held_pico=51, posted_pico=1)

    assert verify_windows() == [
        Difference("held of budget shop-monthly from 2026-05-01", 51, 50),
        Difference("posted of budget shop-monthly from 2026-05-01", 1, 0),
        Difference("posted by day of budget shop-monthly from 2026-05-01", 1, 0),
    ]
    with pytest.raises(CommandError, match=r"0\.000000000051 USD recorded, 0\.000000000050 USD"):
        call_command("verify_ledger")


def test_a_name_that_does_not_exist_is_said():
    err = StringIO()
    call_command(
        "create_budget",
        "odd",
        "--service",
        "shpo",
        "--limit-usd",
        "1",
        stdout=StringIO(),
        stderr=err,
    )

    assert err.getvalue() == (
        "Warning: No service is called “shpo”: nothing counts to this budget yet.\n"
    )


def test_the_api_says_it_too(admin_user):
    client = APIClient()
    client.force_authenticate(admin_user)
    body = {"slug": "odd", "name": "Odd", "service": "shpo", "limit_usd": "1", "tag": "any"}

    answer = client.post("/api/v1/manage/budgets/", body, format="json")

    assert answer.status_code == 201
    assert answer.json()["warnings"] == [
        "No service is called “shpo”: nothing counts to this budget yet."
    ]


def test_a_page_of_budgets_asks_once_for_each_kind_of_name(admin_user, django_assert_num_queries):
    for number in range(5):
        make_budget(f"b{number}", service=f"shpo-{number}", model=f"gtp-{number}")
    client = APIClient()
    client.force_authenticate(admin_user)

    with django_assert_num_queries(3):  # the budgets, services, models
        rows = client.get("/api/v1/manage/budgets/").json()["results"]

    assert [len(row["warnings"]) for row in rows] == [2] * 5
