"""Management of budgets."""

from apps.budgets.models import Budget
from apps.core.manage_api import ManageViewSet, USDField, manage_serializer


class BudgetViewSet(ManageViewSet):
    """Budgets: the limit in dollars. What a budget counts is fixed once it is made."""

    queryset = Budget.objects.order_by("pk")
    serializer_class = manage_serializer(
        Budget,
        fields=(
            "slug",
            "name",
            *Budget.FIXED_FIELDS,
            "limit_usd",
            "hard",
            "active",
            "carry_over",
            "carry_cap_percent",
            "on_exceeded",
            "cheaper_model",
            "min_output_tokens",
            "thresholds",
            "bases",
            "notify",
        ),
        extra={"limit_usd": USDField(source="limit_pico")},
    )
