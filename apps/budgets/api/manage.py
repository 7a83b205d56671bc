"""Management of budgets."""

from typing import Any

from rest_framework import serializers
from rest_framework.serializers import BaseSerializer

from apps.audit.history import note_reason
from apps.budgets.changes import SAY_WHY, needs_reason, stored
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
    """Budgets: the limit in dollars. What a budget counts is fixed once it is made. `reason`
    stands in its history. A change of what is let through needs one: of limit, `hard`, `active`,
    `on_exceeded`, or what is carried over."""

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
            "reason",
        ),
        extra={
            "limit_usd": USDField(source="limit_pico"),
            "warnings": WarningsField(read_only=True),
            "reason": serializers.CharField(write_only=True, required=False, max_length=500),
        },
    )

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        _note(serializer)
        super().perform_create(serializer)

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        _check_reason(serializer)
        _note(serializer)
        super().perform_update(serializer)


def _check_reason(serializer: BaseSerializer[Any]) -> None:
    budget = serializer.instance
    if budget is None or serializer.validated_data.get("reason"):
        return
    if needs_reason(stored(pk=budget.pk), budget):
        raise serializers.ValidationError({"reason": [SAY_WHY]})


def _note(serializer: BaseSerializer[Any]) -> None:
    """The reason belongs to the history, not to the row."""
    if reason := serializer.validated_data.pop("reason", ""):
        note_reason(reason)
