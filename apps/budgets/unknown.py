"""A budget of something that is misspelt limits nothing: said when it is saved."""

from collections.abc import Iterable, Sequence

from django.db.models import Model as Row

from apps.access.models import CostCenter, Service, Team
from apps.budgets.models import Budget
from apps.prompts.models import Prompt
from apps.registry.models import Model, Provider

_NAMED: dict[str, type[Row]] = {
    "team": Team,
    "cost_center": CostCenter,
    "service": Service,
    "provider": Provider,
    "model": Model,
    "prompt": Prompt,
}


def unknown_names(budgets: Sequence[Budget]) -> dict[int, list[str]]:
    """Budget id → a sentence for each field of its scope that names what does not exist. It may
    come later, so it is no fault. One query for each field, however many budgets."""
    known = {field: _known(field, budgets) for field in _NAMED}
    return {
        budget.pk: [
            f"No {field.replace('_', ' ')} is called “{value}”: nothing counts to this budget yet."
            for field, value in budget.scope.items()
            if field in _NAMED and value not in known[field]
        ]
        for budget in budgets
    }


def _known(field: str, budgets: Iterable[Budget]) -> set[str]:
    """Of the names that budgets give there, those that exist."""
    named = {value for budget in budgets if (value := budget.scope.get(field))}
    rows = _NAMED[field]._default_manager.filter(slug__in=named)
    return set(rows.values_list("slug", flat=True))
