"""Makers of budgets and of what the pipeline asks of them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from apps.budgets.models import Budget
from apps.budgets.services import hold_all
from apps.budgets.snapshot import read_budgets
from apps.budgets.types import BudgetExceeded, Held, HoldRequest, Scope
from apps.core.ids import uuid7

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
SHOP = Scope(
    team="shop-team",
    cost_center="cc-100",
    service="shop",
    provider="openai",
    model="gpt-mini",
    prompt="describe",
    tags=("sale", "spring"),
)


def make_budget(slug: str = "shop-monthly", limit_pico: int = 1000, **values: Any) -> Budget:
    return Budget.objects.create(slug=slug, name=slug.title(), limit_pico=limit_pico, **values)


def request(amount_pico: int = 100, **values: Any) -> HoldRequest:
    defaults: dict[str, Any] = {"id": uuid7(), "scope": SHOP, "ttl_seconds": 60}
    return HoldRequest(amount_pico=amount_pico, **(defaults | values))


def hold(amount_pico: int = 100, *, now: datetime = NOW, **values: Any) -> Held | BudgetExceeded:
    wanted = request(amount_pico, **values)
    return hold_all(requests=[wanted], budgets=read_budgets(), now=now)[0]


def held(amount_pico: int = 100, **values: Any) -> UUID:
    """The id of a hold that must be admitted."""
    answer = hold(amount_pico, **values)
    assert isinstance(answer, Held), answer
    return answer.id
