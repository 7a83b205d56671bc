"""Budgets as services see them."""

from typing import Any

from rest_framework import serializers

from apps.budgets.models import Period
from apps.budgets.types import BudgetState
from apps.core.money import exact_usd


class WindowSerializer(serializers.Serializer[BudgetState]):
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True, help_text="Null: lifetime.")


class BudgetSerializer(serializers.Serializer[Any]):
    """A budget in its window of now. Amounts are exact dollars, as decimal strings."""

    slug = serializers.CharField()
    name = serializers.CharField()
    scope = serializers.DictField(
        child=serializers.CharField(), help_text="By which it chooses calls; empty: every call."
    )
    period = serializers.ChoiceField(choices=Period.choices)
    hard = serializers.BooleanField(help_text="A call that could exceed it is refused.")
    limit_usd = serializers.SerializerMethodField()
    spent_usd = serializers.SerializerMethodField()
    held_usd = serializers.SerializerMethodField(help_text="What calls in flight may still cost.")
    remaining_usd = serializers.SerializerMethodField()
    window = WindowSerializer(source="*")

    def get_limit_usd(self, state: BudgetState) -> str:
        return exact_usd(state.limit_pico)

    def get_spent_usd(self, state: BudgetState) -> str:
        return exact_usd(state.posted_pico)

    def get_held_usd(self, state: BudgetState) -> str:
        return exact_usd(state.held_pico)

    def get_remaining_usd(self, state: BudgetState) -> str:
        return exact_usd(state.remaining_pico)
