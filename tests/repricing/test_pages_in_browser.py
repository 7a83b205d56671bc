"""The pages of what-if and recosts in a real browser."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from apps.registry.models import PriceProposal
from apps.registry.services import propose_prices
from apps.registry.types import ProposedPrice
from apps.repricing.booking import book_all
from apps.repricing.models import Recost
from apps.repricing.services import approve_recost, request_recost
from tests.dashboard.conftest import admin_user, browser, server, visit  # noqa: F401
from tests.exports.conftest import person
from tests.factories import make_deployment, make_price
from tests.ledger.conftest import SHOP
from tests.repricing.conftest import ASKED, AT, END, called, rate
from tests.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.django_db]
MAY = "from=2026-05-01&to=2026-05-31"


@pytest.fixture
def fiona(db: None) -> User:
    """Three days of calls, some without a price and some whose end nobody knows; a proposal, a
    recost that waits and one that is booked."""
    deployment = make_deployment(slug=SHOP.deployment)
    make_price(deployment, "in_uncached", 150_000)
    make_price(deployment, "out_text", 600_000)
    make_deployment(slug="d" * 50)
    for hours in range(72):
        at = AT + timedelta(hours=hours)
        called({"in_uncached": 1_234_567, "in_cache_read": 89, "out_text": 98_765}, at=at)
    called({"in_uncached": 1_234_567}, status="unknown", kind="estimate")
    called({"in_uncached": 5000, "in_audio": 1000})
    published = ProposedPrice(SHOP.deployment, "out_text", 500_000, 1, "genai-prices 0.2.3")
    propose_prices(rows=[published], now=END)
    fiona, other = person("finance", "fiona"), person("finance", "other")
    booked = request_recost(rates=[rate("in_uncached", 140_000)], by=other, **ASKED)
    approve_recost(recost_id=booked.pk, by=fiona, now=END, decision="As the contract says.")
    book_all()
    rates = [rate("in_audio", 6_000_000), rate("web_search", 10**10)]
    request_recost(rates=rates, by=other, **ASKED)
    return fiona


def pages() -> list[str]:
    keys = Recost.objects.values_list("pk", flat=True)
    each = [f"/admin/repricing/recost/{key}/change/" for key in keys]
    proposed = PriceProposal.objects.get().pk
    typed = f"price={SHOP.deployment}:in_audio:default:0:6&price={SHOP.deployment}:web_search"
    return [
        "/admin/prices/what-if/",
        f"/admin/prices/what-if/?{MAY}&proposal={proposed}&{typed}:default:0:10000",
        "/admin/prices/what-if/?proposal=999999",
        "/admin/repricing/recost/",
        *each,
        "/admin/registry/priceproposal/drift/",
    ]


@pytest.mark.slow
def test_they_can_be_read_by_everybody(
    visit: Callable[..., Visitor],  # noqa: F811
    fiona: User,
) -> None:
    visitor = visit(user=fiona)
    assert visitor.unreadable(pages()) == []
    assert [text for text in visitor.problems if "400" not in text] == []


def test_finance_looks_asks_and_a_second_person_approves(
    visit: Callable[..., Visitor],  # noqa: F811
    fiona: User,
) -> None:
    visitor = visit(user=fiona)
    page = visitor.page
    visitor.go("/admin/prices/what-if/")
    page.get_by_label("Calls sent from").fill("2026-05-01")
    page.get_by_label("To", exact=True).fill("2026-05-31")
    page.get_by_label("Deployment").select_option(SHOP.deployment)
    page.get_by_label("Meter").select_option("out_text")
    page.get_by_label("USD a million").fill("0.50")
    page.get_by_role("button", name="What would it have cost?").click()
    page.get_by_text("By model and meter").first.wait_for()
    visitor.go(f"/admin/repricing/recost/{Recost.objects.first().pk}/change/")
    page.get_by_role("link", name="Approve").click()
    page.get_by_label("Reason").fill("Seen.")
    page.get_by_role("button", name="Approve and book").click()
    page.get_by_text("0 of 1 entries are booked").wait_for()
    book_all()
    page.get_by_role("link", name="Refresh").click()
    page.get_by_text("Corrections add up to").wait_for()
    assert visitor.problems == []
