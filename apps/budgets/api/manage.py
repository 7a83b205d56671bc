"""Management of budgets."""

from rest_framework import serializers

from apps.budgets.models import Budget
from apps.budgets.unknown import unknown_names
from apps.core.manage_api import ManageViewSet, USDField, manage_serializer


class WarningsField(serializers.ListField):
    """What is no fault, but hardly meant: names in the scope that do not exist."""

    child = serializers.CharField()
    _of_page: dict[int, list[str]] | None = None

    def get_attribute(self, instance: Budget) -> list[str]:
        page = self.root.instance
        if not isinstance(page, list):
            return unknown_names([instance])[instance.pk]
        if self._of_page is None:  # once for all rows
            self._of_page = unknown_names(page)
        return self._of_page[instance.pk]


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
            "warnings",
        ),
        extra={
            "limit_usd": USDField(source="limit_pico"),
            "warnings": WarningsField(read_only=True),
        },
    )
