"""Budgets as services see them."""

from typing import Any

from rest_framework import serializers

from apps.budgets.models import Period
from apps.budgets.overview import Overview
from apps.budgets.types import BudgetState
from apps.core.money import exact_usd


class WindowSerializer(serializers.Serializer[BudgetState]):
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True, help_text="Null: lifetime.")


class BudgetSerializer(serializers.Serializer[Any]):
    """A budget in its window of now. Amounts are exact dollars, as decimal strings."""

    slug = serializers.CharField(source="state.slug")
    name = serializers.CharField(source="state.name")
    scope = serializers.DictField(
        source="state.scope",
        child=serializers.CharField(),
        help_text="By which it chooses calls; empty: every call.",
    )
    period = serializers.ChoiceField(source="state.period", choices=Period.choices)
    hard = serializers.BooleanField(
        source="state.hard", help_text="A call that could exceed it is refused."
    )
    limit_usd = serializers.SerializerMethodField()
    spent_usd = serializers.SerializerMethodField()
    held_usd = serializers.SerializerMethodField(help_text="What calls in flight may still cost.")
    remaining_usd = serializers.SerializerMethodField()
    forecast_usd = serializers.SerializerMethodField(
        help_text="Spent at the window's end, if days go on like their weekdays; null: too early "
        "to say, or no end."
    )
    runs_out = serializers.DateField(
        source="outlook.runs_out",
        allow_null=True,
        help_text="The day, in the budget's zone, on which the forecast reaches the limit.",
    )
    window = WindowSerializer(source="state")

    def get_limit_usd(self, found: Overview) -> str:
        return exact_usd(found.state.limit_pico)

    def get_spent_usd(self, found: Overview) -> str:
        return exact_usd(found.state.posted_pico)

    def get_held_usd(self, found: Overview) -> str:
        return exact_usd(found.state.held_pico)

    def get_remaining_usd(self, found: Overview) -> str:
        return exact_usd(found.state.remaining_pico)

    def get_forecast_usd(self, found: Overview) -> str | None:
        total = found.outlook.total
        return None if total is None else exact_usd(total)
