"""Asking for an export, waiting, downloading; and statements, in a real browser."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from apps.exports.making import work_off
from apps.exports.models import Export
from tests.dashboard.conftest import admin_user, browser, server, visit  # noqa: F401
from tests.exports.conftest import NOW, person
from tests.finance.conftest import AT, booked
from tests.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MARCH = "from=2026-03-01&to=2026-03-31"


@pytest.fixture
def fiona(books: None) -> User:
    booked("shop", AT, 3 * 10**12, model="m1")
    booked("s" * 50, AT, 5, team="t" * 50, model="m" * 50)
    booked("shop", AT, 7, team="")
    made = {"zone": "UTC", "made_at": NOW, "format": "csv"}
    question = f"{MARCH}&group_by=team&service={'s' * 50}"
    Export.objects.create(service="shop", question=question, **made)
    work_off()
    failed = made | {"status": "failed", "error": "Stopped by fiona.", "finished_at": NOW}
    Export.objects.create(service="shop", question=question, **failed)
    waits = made | {"rows_done": 40_000, "rows_total": 100_000}
    Export.objects.create(service="crm", question=question, **waits)
    return person("finance", "fiona")


def pages() -> list[str]:
    each = [
        f"/admin/exports/export/{pk}/change/" for pk in Export.objects.values_list("pk", flat=True)
    ]
    return [
        "/admin/exports/export/",
        f"/admin/exports/export/ask/?{MARCH}&group_by=service",
        *each,
        "/admin/costs/statements/?month=2026-03",
        "/admin/costs/statements/one/?month=2026-03&name=" + "t" * 50,
        "/admin/costs/statements/one/?month=2020-01&name=nobody",
    ]


@pytest.mark.slow
def test_they_can_be_read_by_everybody(
    visit: Callable[..., Visitor],  # noqa: F811
    fiona: User,
) -> None:
    visitor = visit(user=fiona)
    assert visitor.unreadable(pages()) == []
    assert visitor.problems == []


def test_finance_asks_waits_and_downloads(
    visit: Callable[..., Visitor],  # noqa: F811
    fiona: User,
) -> None:
    work_off()
    visitor = visit(user=fiona)
    page = visitor.page
    visitor.go(f"/admin/costs/?{MARCH}&group_by=service")
    page.get_by_role("link", name="Export…").click()
    page.get_by_label("CSV: price lines").check()
    page.get_by_role("button", name="Export").click()
    page.get_by_text("It waits for a worker").wait_for()
    work_off()
    page.get_by_role("link", name="Refresh").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename.startswith("costs-lines-")
    assert visitor.problems == []
