"""Every page of the navigation in a real browser: policy, hosts, width, accessibility, keys."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from tests.dashboard.conftest import PHONE, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

NAVIGATION = "Array.from(document.querySelectorAll('#l-nav a'), a => a.getAttribute('href'))"


def paths(visitor: Visitor) -> list[str]:
    """Every page of the navigation, and a form with each kind of field."""
    visitor.go("/admin/")
    linked: list[str] = visitor.page.evaluate(NAVIGATION)
    forms = ("auth_user_add", "auth_group_add", "password_change")
    return linked + [reverse(f"admin:{name}") for name in forms]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_breaks_policy_or_accessibility(visit: Callable[..., Visitor], theme: str) -> None:
    visitor = visit()
    faults = {}
    for path in paths(visitor):
        visitor.go(path)
        visitor.theme(theme)
        faults[path] = visitor.axe()
    assert {path: found for path, found in faults.items() if found} == {}
    assert visitor.problems == []


def test_no_page_scrolls_sideways_on_a_phone(visit: Callable[..., Visitor]) -> None:
    visitor = visit(viewport=PHONE)
    wide = []
    for path in paths(visitor):
        visitor.go(path)
        if visitor.scrolls_sideways:
            wide.append(path)
    assert wide == []
    assert visitor.problems == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_login_page_is_clean(visit: Callable[..., Visitor], theme: str) -> None:
    visitor = visit(user=None)
    visitor.go("/admin/login/")
    visitor.theme(theme)
    assert visitor.axe() == []
    assert visitor.problems == []
    assert not visitor.scrolls_sideways


def rows(visitor: Visitor) -> Any:
    return visitor.page.locator("#l-palette-rows > li")


def test_the_palette_is_driven_by_keys(visit: Callable[..., Visitor]) -> None:
    group = Group.objects.create(name="zeta")
    visitor = visit()
    visitor.go("/admin/")
    visitor.page.keyboard.press("Control+k")
    visitor.page.keyboard.type("zet")
    rows(visitor).filter(has_text="zeta").wait_for()
    assert visitor.axe() == []
    assert rows(visitor).first.get_attribute("aria-selected") == "true"
    with visitor.page.expect_navigation():
        visitor.page.keyboard.press("Enter")
    assert visitor.page.url.endswith(f"/admin/auth/group/{group.pk}/change/")
    assert visitor.problems == []


def test_escape_closes_the_palette(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    visitor.go("/admin/")
    visitor.page.keyboard.press("Control+k")
    rows(visitor).first.wait_for()
    visitor.page.keyboard.press("Escape")
    assert not visitor.page.locator("#l-palette").is_visible()


def test_slash_goes_to_the_search_and_letters_stay_letters_there(
    visit: Callable[..., Visitor],
) -> None:
    visitor = visit()
    visitor.go("/admin/auth/user/")
    visitor.page.keyboard.press("/")
    visitor.page.keyboard.type("g?o/")
    assert visitor.page.locator("#searchbar").input_value() == "g?o/"
    assert not visitor.page.locator("#l-keys").is_visible()


def test_two_letters_go_to_a_page_and_a_question_mark_lists_them(
    visit: Callable[..., Visitor],
) -> None:
    visitor = visit()
    visitor.go("/admin/auth/user/")
    visitor.page.keyboard.press("?")
    assert "Dashboard" in visitor.page.locator("#l-keys").inner_text()
    assert visitor.axe() == []
    visitor.page.keyboard.press("Escape")
    visitor.page.keyboard.press("g")
    with visitor.page.expect_navigation():
        visitor.page.keyboard.press("o")
    assert visitor.page.url == f"{visitor.server}/admin/"


def test_the_phone_drawer_opens_and_closes(visit: Callable[..., Visitor]) -> None:
    visitor = visit(viewport=PHONE)
    visitor.go("/admin/")
    nav, button = visitor.page.locator("#l-nav"), visitor.page.locator("#l-nav-toggle")
    assert not nav.is_visible()
    button.click()
    assert nav.is_visible()
    assert button.get_attribute("aria-expanded") == "true"
    assert visitor.axe() == []
    visitor.page.keyboard.press("Escape")
    assert not nav.is_visible()
