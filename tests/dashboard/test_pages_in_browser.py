"""Every page of the navigation in a real browser: policy, hosts, width, accessibility, keys."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urljoin

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from apps.budgets.models import Budget, Window
from apps.jobs.models import Job
from apps.ledger.models import Attempt, Entry
from tests.factories import make_key, make_priced_deployment, make_service
from tests.visitor import PHONE, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

# A test is one transaction, for which those wait that post entries beside it.
PARTS = 8
LINKS = "selector => Array.from(document.querySelectorAll(selector), a => a.getAttribute('href'))"


@pytest.fixture
def rows_everywhere(db: None) -> None:
    """Something to see in the lists that the other fixtures leave empty."""
    now = timezone.now()
    service = make_service("shop")
    make_key(service)
    deployment = make_priced_deployment()
    call = {
        "service": "shop",
        "team": "shop-team",
        "cost_center": "cc-100",
        "provider": deployment.provider.slug,
        "model": deployment.model.slug,
        "deployment": deployment.slug,
        "request_id": "req_1",
    }
    attempt = Attempt.objects.create(
        number=1, status="succeeded", started_at=now, ended_at=now, **call
    )
    Entry.objects.create(at=now, kind="charge", amount_pico=10**12, attempt=attempt, **call)
    budget = Budget.objects.create(slug="shop", name="Shop", limit_pico=10**13)
    Window.objects.create(
        budget=budget, starts_at=now, limit_pico=10**13, posted_pico=10**12, hard=True
    )
    for status, error in (("succeeded", ""), ("failed", "provider_overloaded")):
        Job.objects.create(
            service=service,
            fingerprint="0" * 64,
            request_id="req_1",
            model="m",
            status=status,
            error_code=error,
            next_run_at=now,
            deadline=now,
            created_at=now,
            finished_at=now,
        )


def pages(visitor: Visitor, part: int) -> Iterator[str]:
    """Loads one part of the navigation's pages, and from each list its first object and form."""
    visitor.go("/admin/")
    for path in visitor.page.evaluate(LINKS, "#l-nav a")[part::PARTS]:
        visitor.go(path)
        first = visitor.page.evaluate(LINKS, "#result_list tbody tr:first-child th a")
        form = visitor.page.evaluate(LINKS, ".object-tools a.addlink")
        yield path
        for link in first[:1] + form[:1]:
            visitor.page.goto(urljoin(visitor.server + path, link), wait_until="load")
            yield link


@pytest.mark.slow
@pytest.mark.usefixtures("rows_everywhere")
@pytest.mark.parametrize("part", range(PARTS))
def test_no_page_breaks_policy_or_accessibility(visit: Callable[..., Visitor], part: int) -> None:
    visitor = visit()
    faults = []
    for path in pages(visitor, part):
        faults += [f"{path} {fault}" for fault in visitor.unreadable_here()]
    assert faults == []
    assert visitor.problems == []


def test_the_form_for_a_new_password_is_clean(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    assert visitor.unreadable(["/admin/password_change/"]) == []
    assert visitor.problems == []


def test_the_login_page_is_clean(visit: Callable[..., Visitor]) -> None:
    visitor = visit(user=None)
    assert visitor.unreadable(["/admin/login/"]) == []
    assert visitor.problems == []


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
    visitor.page.locator("#l-keys").wait_for(state="hidden")  # until then the keys are its own
    visitor.page.clock.set_fixed_time(0)  # however slow the machine, the two keys come together
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
