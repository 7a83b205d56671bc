"""The pages of statements filled, narrowed, empty and asked wrongly, in a real browser."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from tests.dashboard.conftest import admin_user, browser, server, visit  # noqa: F401
from tests.reconciliation.month import (
    agreeing,
    book_month,
    day,
    imported,
    make_provider_with_models,
    text_of,
)
from tests.reconciliation.test_planted_errors import PLANTS
from tests.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.django_db]


@pytest.fixture
def fiona(db: None) -> User:
    user = User.objects.create_user("fiona", is_staff=True)
    user.groups.add(Group.objects.get(name="finance"))
    return user


@pytest.fixture
def month_with_errors(db: None) -> str:
    """With a model whose name is as long as may be."""
    lines = agreeing()
    for plant in PLANTS:
        plant(lines)
    lines["long"] = replace(lines[20, "large", "output"], model="m" * 180, day=day(22))
    return text_of(lines.values())


@pytest.fixture
def statement(month_with_errors: str) -> Any:
    provider = make_provider_with_models()
    book_month()
    return imported(month_with_errors, provider)


def pages(statement: Any) -> list[str]:
    own = f"/admin/reconciliation/statement/{statement.pk}"
    return [
        "/admin/reconciliation/statement/",
        f"{own}/change/",
        f"{own}/change/?column=capture&state=open",
        f"{own}/change/?state=booked",
        f"{own}/decide/?choice=book&scope=all",
        f"{own}/decide/?choice=explain&scope=all&column=tax",
        "/admin/reconciliation/statement/add/",
        f"/admin/reconciliation/statementline/?statement__exact={statement.pk}",
        "/admin/reconciliation/source/add/",
    ]


@pytest.mark.slow
def test_they_can_be_read_by_everybody(
    visit: Callable[..., Visitor],  # noqa: F811
    fiona: User,
    statement: Any,
) -> None:
    visitor = visit(user=fiona)
    assert visitor.unreadable(pages(statement)) == []
    assert visitor.problems == []


@pytest.mark.usefixtures("db")
def test_finance_uploads_decides_and_signs_off(
    visit: Callable[..., Visitor],  # noqa: F811
    fiona: User,
    month_with_errors: str,
    tmp_path: Any,
) -> None:
    make_provider_with_models()
    book_month()
    file = tmp_path / "march.csv"
    file.write_text(month_with_errors)
    visitor = visit(user=fiona)
    page = visitor.page
    visitor.go("/admin/reconciliation/statement/")
    page.get_by_role("link", name="Upload a statement").click()
    page.get_by_label("Provider").select_option(label="acme")
    page.get_by_label("Costs").set_input_files(str(file))
    page.get_by_role("button", name="Read and compare").click()
    page.get_by_text("This is what would happen").wait_for()
    page.get_by_role("link", name="Import").click()
    page.get_by_label("Reason").fill("October came")
    page.get_by_role("button", name="Import").click()
    page.get_by_text("1 imported.").wait_for()
    page.get_by_label("Mark 2026-03-31, , Tax").check()
    page.get_by_role("button", name="Explain…").click()
    page.get_by_label("Reason").fill("taxes are booked elsewhere")
    page.get_by_role("button", name="Explain").click()
    page.get_by_text("1 explained.").wait_for()
    page.get_by_role("link", name="Sign off").click()
    page.get_by_label("Reason").fill("the rest is small")
    page.get_by_role("button", name="Sign off").click()
    page.get_by_text("Signed off by fiona").wait_for()
    assert visitor.problems == []
