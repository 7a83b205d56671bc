"""The finance pages filled, narrowed, empty and asked wrongly, in a real browser."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from apps.exports.models import Export
from apps.finance.models import SavedView
from tests.dashboard.conftest import admin_user, browser, server, visit  # noqa: F401
from tests.factories import make_service
from tests.finance.conftest import booked
from tests.visitor import PHONE, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.django_db]
PAGES = {
    "costs": "/admin/costs/",
    "narrowed": "/admin/costs/?range=90d&group_by=service,model&service=shop&prompt=(none)",
    "tags": "/admin/costs/?range=7d&group_by=tag:project&metric=tokens&compare=none",
    "why": "/admin/costs/why/?range=30d&group_by=model",
    "nothing changed": "/admin/costs/why/?from=2020-01-01&to=2020-01-31",
    "unusual": "/admin/costs/anomalies/?range=30d&at_least=0.05",
    "nothing unusual": "/admin/costs/anomalies/?range=7d&at_least=1000",
    "empty": "/admin/costs/?from=2020-01-01&to=2020-01-31",
    "savings": "/admin/costs/savings/?range=30d",
    "judge": "/admin/costs/anomalies/judge/?dimension=service&value=shop&day=2026-03-05",
    "mail": "/admin/costs/views/1/mail/",
}


@pytest.fixture
def year(db: None) -> None:
    """Sixty days of two services, one of them with a name as long as may be."""
    now = timezone.now()
    make_service("shop")
    for days in range(60):
        at = now - timedelta(days=days)
        booked("shop", at, 3 * 10**12 + days, prompt="reply", prompt_version=1, model="m1")
        booked(
            "s" * 50,
            at,
            10**12 if days == 3 else 10**11,
            kind="estimate",
            tags=["project:spring"],
            input_tokens=50,
        )


@pytest.fixture
def fiona(db: None) -> User:
    user = User.objects.create_user("fiona", is_staff=True)
    user.groups.add(Group.objects.get(name="finance"))
    SavedView.objects.create(pk=1, owner=user, name="v" * 80, address="range=last-month")
    return user


@pytest.mark.slow
@pytest.mark.usefixtures("year")
def test_they_can_be_read_by_everybody(
    visit: Callable[..., Visitor],  # noqa: F811
    fiona: User,
) -> None:
    visitor = visit(user=fiona)
    assert visitor.unreadable(PAGES.values()) == []
    assert visitor.problems == []


@pytest.mark.usefixtures("year")
def test_finance_asks_and_goes_down_to_a_line(
    visit: Callable[..., Visitor],  # noqa: F811
    fiona: User,
) -> None:
    visitor = visit(user=fiona)
    page = visitor.page
    visitor.go("/admin/costs/")
    page.get_by_label("Group by").select_option("team")
    page.get_by_label("And by").select_option("service")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="Lines of the ledger: t, shop").click()
    page.locator("#result_list tbody th a").first.click()
    page.get_by_text("Price lines").wait_for()
    assert visitor.problems == []


HIDDEN = """() => [...document.querySelectorAll('.l-scroll, .results')]
    .filter((one) => one.querySelector('table') && one.scrollWidth > one.clientWidth + 1)
    .filter((one) => !one.previousElementSibling?.classList.contains('l-more--on'))
    .map((one) => one.dataset.label ?? one.className)"""
CUT = """() => {
    const table = document.querySelector('.results, .l-scroll:has(table)');
    const edge = table.getBoundingClientRect().right;
    return [...table.querySelectorAll('.l-num')].filter((one) => one.textContent.includes('$'))
        .filter((one) => one.getBoundingClientRect().right > edge).length;
}"""


@pytest.mark.usefixtures("year")
def test_columns_out_of_sight_are_told_and_amounts_are_in_sight_on_a_phone(
    visit: Callable[..., Visitor],  # noqa: F811
    fiona: User,
) -> None:
    month = f"{timezone.now():%Y-%m}"
    question = {"zone": "UTC", "made_at": timezone.now(), "question": "group_by=team"}
    done = {"status": "done", "finished_at": timezone.now(), "total_pico": 12 * 10**12}
    Export.objects.create(service="shop", format="csv", sha256="5f" * 32, **question, **done)
    narrow = visit(user=fiona, viewport=PHONE)
    for path in (
        "/admin/exports/export/",
        f"/admin/costs/statements/?month={month}",
        f"/admin/costs/statements/one/?month={month}&name=t",
    ):
        narrow.go(path)
        assert narrow.page.evaluate(CUT) == 0, path
        assert narrow.page.evaluate(HIDDEN) == [], path
    wide = visit(user=fiona)
    wide.go("/admin/costs/?range=30d&group_by=team")
    assert wide.page.evaluate(HIDDEN) == []
    wide.page.locator(".f-costs").wait_for()
    assert wide.page.locator(".l-more--on").count() == 0  # all of it fits


@pytest.mark.usefixtures("year")
def test_paper_shows_all_columns_of_the_ledger(
    visit: Callable[..., Visitor],  # noqa: F811
    fiona: User,
) -> None:
    visitor = visit(user=fiona, viewport={"width": 718, "height": 1000})
    visitor.page.emulate_media(media="print")
    visitor.go("/admin/ledger/entry/")
    table = visitor.page.locator("#result_list").bounding_box()
    assert table is not None
    assert table["x"] + table["width"] <= 718
