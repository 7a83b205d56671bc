"""The list of budgets and the page of one in a real browser: read by everybody, used by finance."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from apps.budgets.models import Budget, WindowDay
from apps.budgets.services import settle_all
from apps.budgets.services.alerts import deliver_alerts, record_forecasts
from apps.budgets.services.raises import approve_raise, request_raise
from apps.budgets.types import Resolution
from apps.budgets.windows import bounds_now
from apps.core.clock import db_now
from tests.budgets.conftest import SHOP, held, hold, make_budget
from tests.dashboard.conftest import admin_user, browser, server, visit  # noqa: F401
from tests.ledger.books import booked
from tests.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.django_db]
DOLLAR = 10**12
LIST = "/admin/budgets/budget/"
ZONE = "Europe/Berlin"
DAY = timedelta(days=1)


def person(name: str) -> User:
    user = User.objects.create_user(name, is_staff=True)
    user.groups.add(Group.objects.get(name="finance"))
    return user


@pytest.fixture
def fiona(db: None) -> User:
    return person("fiona")


def spend(service: str, amount: int, *, more: int = 0) -> None:
    now, scope = db_now(), replace(SHOP, service=service, tags=())
    settle_all(
        resolutions=[Resolution(held(amount, scope=scope, now=now), amount)],
        now=now,
    )
    if more:
        held(more, scope=scope, now=now)


def history(budget: Budget, amount: int) -> None:
    """Ninety days of costs, less on Sundays, in the windows that they belong to."""
    now = db_now()
    today = now.astimezone(ZoneInfo(budget.time_zone)).date()
    for n in range(1, 91):
        starts_at, ends_at = bounds_now([budget], now - n * DAY)[budget.pk]
        window, _ = budget.windows.get_or_create(
            starts_at=starts_at,
            defaults={"ends_at": ends_at, "limit_pico": budget.limit_pico, "hard": budget.hard},
        )
        day = today - n * DAY
        share = amount // 4 if day.weekday() == 6 else amount + n * amount // 300
        WindowDay.objects.create(window=window, day=day, posted_pico=share)
        window.posted_pico += share
        window.save()
        booked(now - n * DAY, share, service=budget.service, model=f"model-{n % 3}")


@pytest.fixture
def shop(db: None, fiona: User) -> dict[str, Budget]:
    """A month in use, with everything that may stand on its page, beside budgets of other kinds."""
    made = {
        "shop": make_budget(
            "shop-month",
            1200 * DOLLAR,
            service="shop",
            time_zone=ZONE,
            notify=["finance@example.com"],
        ),
        "tiny": make_budget("tiny", 2_400_000, service="tiny", period="day", time_zone=ZONE),
        "rolls": make_budget("rolls", 90 * DOLLAR, service="rolls", period="days", length=7),
        "life": make_budget("life", 4_000_000 * DOLLAR, service="life", period="lifetime"),
        "year": make_budget("year", 90_000 * DOLLAR, team="shop-team", period="year", hard=False),
        "long": make_budget("l" * 50, DOLLAR, service="s" * 50, prompt="p" * 50, tag="t" * 100),
        "new": make_budget("new", 10 * DOLLAR, service="nobody"),
    }
    for name in ("shop", "rolls", "life"):
        history(made[name], 30 * DOLLAR)
    spend("shop", 41 * DOLLAR + 123, more=60 * DOLLAR)
    spend("tiny", 1_200_000)
    spend("rolls", 3 * DOLLAR)
    spend("life", 3_100_000 * DOLLAR)
    now, other = db_now(), person("olga")
    row = request_raise(
        budget=made["shop"], amount_pico=300 * DOLLAR, reason="Black Friday", by=other, now=now
    )
    approve_raise(raise_id=row.pk, by=fiona, now=db_now())
    hold(5000 * DOLLAR, now=db_now())
    record_forecasts(now=db_now())
    deliver_alerts(now=db_now())
    return made


def path(budget: Budget, query: str = "") -> str:
    return reverse("admin:budgets_budget_change", args=[budget.pk]) + query


@pytest.mark.slow
def test_they_can_be_read_by_everybody(
    visit: Callable[..., Visitor],  # noqa: F811
    fiona: User,
    shop: dict[str, Budget],
) -> None:
    visitor = visit(user=fiona)
    pages = [*map(path, shop.values()), LIST, path(shop["shop"], "?limit=300"), f"{LIST}add/"]
    assert visitor.unreadable(pages) == []
    assert visitor.problems == []


def test_finance_tries_a_limit_raises_and_changes_it(
    visit: Callable[..., Visitor],  # noqa: F811
    fiona: User,
    shop: dict[str, Budget],
) -> None:
    visitor = visit(user=fiona)
    page = visitor.page
    visitor.go(LIST)
    page.get_by_role("link", name="shop-month").first.click()
    page.get_by_label("A hard limit of, USD").fill("300")
    page.get_by_role("button", name="Replay").click()
    page.get_by_text("would not have been spent").wait_for()
    page.get_by_role("link", name="Raise once").first.click()
    page.get_by_label("Amount, USD").fill("50")
    page.get_by_label("Reason").fill("A second sale")
    page.get_by_role("button", name="Save", exact=True).click()
    visitor.go(path(shop["shop"]))
    page.get_by_text("A second sale").wait_for()
    page.locator("#id_limit_pico").fill("1500")
    page.get_by_role("button", name="Save and continue editing").click()
    page.get_by_text("Say why, for somebody who was not here.").wait_for()
    page.get_by_label("Reason").fill("It grew")
    page.get_by_role("button", name="Save and continue editing").click()
    page.get_by_text("It grew").first.wait_for()
    assert visitor.problems == []
