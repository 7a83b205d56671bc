"""Budgets as every process keeps them in memory, and which of them a call counts to."""

from collections.abc import Sequence

from apps.budgets.models import Budget
from apps.budgets.types import BudgetFacts, Scope

_FACTS = (
    "id",
    "slug",
    "limit_pico",
    "hard",
    "created_at",
    "carry_over",
    "carry_cap_percent",
    "on_exceeded",
    "cheaper_model",
    "min_output_tokens",
    *Budget.FIXED_FIELDS,
)


def read_budgets() -> tuple[BudgetFacts, ...]:
    """All active budgets."""
    rows = Budget.objects.filter(active=True).order_by("id").values(*_FACTS)
    return tuple(BudgetFacts(**row) for row in rows)


def read_budget(pk: int) -> BudgetFacts:
    """One budget, switched on or off."""
    return BudgetFacts(**Budget.objects.values(*_FACTS).get(pk=pk))


def matching(budgets: Sequence[BudgetFacts], scope: Scope) -> list[BudgetFacts]:
    """Those that a call of this scope counts to: every field that the budget names is equal."""
    return [budget for budget in budgets if _matches(budget, scope)]


def _matches(budget: BudgetFacts, scope: Scope) -> bool:
    return (
        budget.service in ("", scope.service)
        and budget.team in ("", scope.team)
        and budget.cost_center in ("", scope.cost_center)
        and budget.provider in ("", scope.provider)
        and budget.model in ("", scope.model)
        and budget.prompt in ("", scope.prompt)
        and (not budget.tag or budget.tag in scope.tags)
    )
