"""What a quote is asked with, and what it says. Amounts are exact dollars, as decimal strings."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from apps.core.api import StrictSerializer
from apps.core.money import Pico, exact_usd
from apps.gateway.types import CallKind, CallSpec


class QuoteRequest(StrictSerializer):
    """A job's request, without what says when it runs; or `input` of embeddings."""

    prompt = serializers.CharField(max_length=50, required=False, help_text="Slug of a prompt.")
    variables = serializers.DictField(required=False)
    channel = serializers.CharField(max_length=50, required=False)
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False)
    messages = serializers.ListField(child=serializers.DictField(), required=False)
    input = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Texts to embed."
    )
    model = serializers.CharField(max_length=50, required=False, help_text="Route or model.")
    parameters = serializers.DictField(required=False)
    response_schema = serializers.DictField(required=False)
    subject = serializers.CharField(max_length=200, required=False)
    context = serializers.ListField(  # type: ignore[assignment]  # a field, not the property
        child=serializers.CharField(max_length=100), max_length=16, required=False
    )
    region = serializers.CharField(max_length=40, required=False)


def spec_of(values: Mapping[str, Any]) -> CallSpec:
    """The call that validated `values` describe."""
    names = ("prompt", "variables", "channel", "version", "model", "parameters", "subject")
    optional = (*names, "response_schema", "region")
    given = {name: values[name] for name in optional if name in values}
    return CallSpec(
        kind=CallKind.EMBEDDING if "input" in values else CallKind.CHAT,
        messages=tuple(values.get("messages", ())),
        inputs=tuple(values.get("input", ())),
        context=tuple(values.get("context", ())),
        **given,
    )


class BudgetLeftAnswer(serializers.Serializer[Any]):
    slug = serializers.CharField()
    hard = serializers.BooleanField()
    limit_usd = serializers.SerializerMethodField()
    remaining_usd = serializers.SerializerMethodField()
    fits = serializers.BooleanField(help_text="Whether the whole call fits.")

    def get_limit_usd(self, left: Any) -> str:
        return exact_usd(left.limit_pico)

    def get_remaining_usd(self, left: Any) -> str:
        return exact_usd(left.remaining_pico)


class QuoteAnswer(serializers.Serializer[Any]):
    """What the call would cost now. Nothing is held: only a call itself can be sure."""

    model = serializers.CharField()
    provider = serializers.CharField()
    deployment = serializers.CharField(help_text="The one that is tried first.")
    prompt = serializers.CharField()
    prompt_version = serializers.IntegerField(help_text="0: no prompt.")
    input_tokens_at_most = serializers.IntegerField(source="input_tokens")
    output_tokens_at_most = serializers.IntegerField(source="output_tokens")
    likely_input_tokens = serializers.IntegerField(
        help_text="As the model counts, or estimated where its tokenizer is not known."
    )
    left_out = serializers.ListField(
        child=serializers.CharField(), help_text="Of a prompt that is too long, so that it fits."
    )
    cost_at_most_usd = serializers.SerializerMethodField(help_text="Null: there is no price.")
    cost_at_least_usd = serializers.SerializerMethodField(help_text="When it is not cached.")
    budgets = BudgetLeftAnswer(many=True)
    admitted = serializers.BooleanField(help_text="Whether it would be sent now, in some form.")
    decision = serializers.ChoiceField(
        choices=["admitted", "cheaper_model", "output_cap", "refused"]
    )
    would_hold_usd = serializers.SerializerMethodField(help_text="Null: refused.")
    cheaper_model = serializers.CharField(help_text="What would be tried instead.")
    output_cap = serializers.IntegerField(
        allow_null=True, help_text="Tokens to which each answer would be shortened."
    )
    reason = serializers.CharField(help_text="Why it is refused.")
    retry_after = serializers.FloatField(allow_null=True, help_text="Seconds; null: no help.")
    jobs_wait = serializers.BooleanField(help_text="Refused, but a job would wait for room.")

    def get_cost_at_most_usd(self, quote: Any) -> str | None:
        return _usd(quote.at_most_pico)

    def get_cost_at_least_usd(self, quote: Any) -> str | None:
        return _usd(quote.at_least_pico)

    def get_would_hold_usd(self, quote: Any) -> str | None:
        return _usd(quote.held_pico)


def _usd(amount: Pico | None) -> str | None:
    return None if amount is None else exact_usd(amount)
