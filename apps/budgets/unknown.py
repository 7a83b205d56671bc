"""A budget of something that is misspelt limits nothing: said when it is saved."""

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


def unknown_names(budget: Budget) -> list[str]:
    """A sentence for each field of the scope that names what does not exist. It may come later,
    so it is no fault."""
    return [
        f"No {field.replace('_', ' ')} is called “{value}”: nothing counts to this budget yet."
        for field, value in budget.scope.items()
        if field in _NAMED and not _NAMED[field]._default_manager.filter(slug=value).exists()
    ]
