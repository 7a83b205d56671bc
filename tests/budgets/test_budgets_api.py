"""`GET /api/v1/budgets/`: a service sees the budgets that its calls count to, and no other."""

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from apps.budgets.services import hold_all, settle_all
from apps.budgets.snapshot import read_budgets
from apps.budgets.types import HoldRequest, Resolution, Scope
from apps.core.clock import db_now
from apps.core.ids import uuid7
from tests.budgets.conftest import make_budget
from tests.factories import make_key, make_service

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    return make_service("shop")


@pytest.fixture
def client(shop):
    return APIClient(headers={"authorization": f"Bearer {make_key(shop)}"})


def spend(service, held, actual):
    """One call in flight and one that cost `actual`."""
    scope = Scope(service.team.slug, service.cost_center.slug, service.slug, "openai", "mini")
    requests = [HoldRequest(uuid7(), held, scope, 60) for _ in range(2)]
    with transaction.atomic():
        hold_all(requests=requests, budgets=read_budgets(), now=db_now())
    with transaction.atomic():
        settle_all(resolutions=[Resolution(requests[0].id, actual)], now=db_now())


def test_a_budget_shows_what_is_left_to_the_last_pico(client, shop):
    make_budget("shop-life", 10**12, service="shop", period="lifetime")
    spend(shop, held=250_000_000_001, actual=3)

    answer = client.get("/api/v1/budgets/")

    assert answer.status_code == 200
    assert answer.json()["results"] == [
        {
            "slug": "shop-life",
            "name": "Shop-Life",
            "scope": {"service": "shop"},
            "period": "lifetime",
            "hard": True,
            "limit_usd": "1.000000000000",
            "spent_usd": "0.000000000003",
            "held_usd": "0.250000000001",
            "remaining_usd": "0.749999999996",
            "forecast_usd": None,
            "runs_out": None,
            "window": {"starts_at": "1970-01-01T00:00:00Z", "ends_at": None},
        }
    ]


def test_a_service_sees_only_what_its_calls_count_to(client, shop):
    make_budget("everybody")
    make_budget("mine", service="shop", model="mini")
    make_budget("my-team", team=shop.team.slug)
    make_budget("my-centre", cost_center=shop.cost_center.slug)
    make_budget("theirs", service="search")
    make_budget("their-team", team="other", service="shop")
    make_budget("switched-off", active=False)

    slugs = [budget["slug"] for budget in client.get("/api/v1/budgets/").json()["results"]]

    assert sorted(slugs) == ["everybody", "mine", "my-centre", "my-team"]


def test_the_number_of_queries_does_not_grow_with_the_budgets(
    client, django_assert_max_num_queries
):
    for number in range(20):
        make_budget(f"b{number}")

    # one of them for the days before these were made
    with django_assert_max_num_queries(6):
        assert len(client.get("/api/v1/budgets/").json()["results"]) == 20


def test_without_a_key_nothing_is_told(db):
    make_budget("mine")

    answer = APIClient().get("/api/v1/budgets/")

    assert answer.status_code == 401
    assert "mine" not in answer.content.decode()
