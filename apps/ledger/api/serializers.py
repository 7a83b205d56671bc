"""What the usage endpoints take and say."""

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone
from rest_framework import serializers

from apps.core.api import ChoiceField, StrictSerializer
from apps.core.money import exact_usd
from apps.ledger.reports import Days
from apps.ledger.usage import DIMENSIONS, Usage

LONGEST = 366  # days


class RangeQuery(StrictSerializer):
    """Days of the reporting zone, both included; without them, the last 30."""

    to = serializers.DateField(required=False)
    service = serializers.SlugField(required=False, default="", allow_blank=True, max_length=50)

    def get_fields(self) -> Any:
        # a keyword of Python's
        return super().get_fields() | {"from": serializers.DateField(required=False)}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        zone = settings.REPORTING_TIME_ZONE
        outside = [name for name in ("from", "to") if name in attrs and not _is_near(attrs[name])]
        if outside:
            text = "Lies outside the years 1990 to 2200."
            raise serializers.ValidationError(dict.fromkeys(outside, text))
        last = attrs.get("to") or timezone.localdate(timezone=ZoneInfo(zone))
        first = attrs.get("from") or last - timedelta(days=29)
        if first > last:
            raise serializers.ValidationError({"from": f"Lies after “to” ({last})."})
        if (last - first).days >= LONGEST:
            raise serializers.ValidationError({"from": f"At most {LONGEST} days in one report."})
        return attrs | {"days": Days(first, last, zone)}


def _is_near(day: date) -> bool:
    return 1990 <= day.year <= 2200


class UsageQuery(RangeQuery):
    group_by = serializers.CharField(
        required=False, default="model", help_text=f"Some of {', '.join(DIMENSIONS)}, with commas."
    )
    period = ChoiceField(["", "day", "month"], required=False, default="")
    page_size = serializers.IntegerField(required=False, default=50, min_value=1, max_value=200)
    cursor = serializers.CharField(required=False, default="", max_length=2000)

    def validate_group_by(self, value: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(value.split(",")))
        unknown = [name[:50] for name in names if name not in DIMENSIONS]
        if unknown:
            text = f"Unknown: {', '.join(unknown)}. Known: {', '.join(DIMENSIONS)}."
            raise serializers.ValidationError(text)
        return names


class UsageSumsAnswer(serializers.Serializer[Usage]):
    """Input and output are what providers billed; tokens that were saved stand apart."""

    requests = serializers.IntegerField(help_text="Answered or billed attempts, and cache hits.")
    cached = serializers.IntegerField(help_text="Of these, answered from our cache.")
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    provider_cached_tokens = serializers.IntegerField(
        help_text="Of the input, what the provider had in a cache of its own."
    )
    cache_saved_tokens = serializers.IntegerField(help_text="Not sent: our cache answered.")
    fit_saved_tokens = serializers.IntegerField(help_text="Not sent: left out of long prompts.")
    cost_usd = serializers.SerializerMethodField(help_text="Exact.")
    avoided_usd = serializers.SerializerMethodField(help_text="What cached answers had cost.")

    def get_cost_usd(self, usage: Usage) -> str:
        return exact_usd(usage.amount_pico)

    def get_avoided_usd(self, usage: Usage) -> str:
        return exact_usd(usage.avoided_pico)


class UsageGroupAnswer(UsageSumsAnswer):
    """One row: the period and dimensions that were asked for, and their sums."""

    group = serializers.DictField(help_text="Period and dimensions → value; empty: calls without.")


class UsagePage(serializers.Serializer[Any]):
    zone = serializers.CharField(help_text="Days are its own.")
    first = serializers.DateField()
    last = serializers.DateField()
    next = serializers.CharField(allow_null=True, help_text="Address of the next page.")
    results = UsageGroupAnswer(many=True)


class UsageReport(serializers.Serializer[Any]):
    zone = serializers.CharField(help_text="Days are its own.")
    first = serializers.DateField()
    last = serializers.DateField()
    models = UsageGroupAnswer(many=True)
    total = UsageSumsAnswer()
