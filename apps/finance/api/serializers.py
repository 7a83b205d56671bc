"""What the costs endpoint takes and says. `finance.parsing` judges what it takes; here it is
described."""

from typing import Any

from rest_framework import serializers

from apps.core.money import exact_usd
from apps.finance.dimensions import DIMENSIONS
from apps.finance.query import LONGEST, LONGEST_OF_ENTRIES
from apps.finance.ranges import PRESETS
from apps.finance.types import Sums

_NAMES = ", ".join(DIMENSIONS)
_LENGTHS = ", ".join(f"{name}: at most {days} days" for name, days in LONGEST.items())


class CostsQuery(serializers.Serializer[Any]):
    """Beside these, each dimension is a filter: `model=gpt-5`, again for more values, `(none)` for
    what has none."""

    range = serializers.ChoiceField(
        list(PRESETS), required=False, help_text="Days of the reporting zone; usually 30d."
    )
    to = serializers.DateField(required=False, help_text="Included; in place of `range`.")
    group_by = serializers.CharField(
        required=False, help_text=f"One or two of {_NAMES}, tag:KEY, with a comma; usually service."
    )
    grain = serializers.ChoiceField(
        list(LONGEST),
        required=False,
        help_text=f"Rows by it as well; without it, of the whole range. {_LENGTHS}; with a tag "
        f"other than project, or channel or project beside more than owners, "
        f"{LONGEST_OF_ENTRIES}.",
    )
    page_size = serializers.IntegerField(
        required=False, min_value=1, max_value=200, help_text="Usually 50."
    )
    cursor = serializers.CharField(required=False, help_text="From `next`.")

    def get_fields(self) -> Any:
        # a keyword of Python's
        first = serializers.DateField(required=False, help_text="In place of `range`.")
        filters = {name: _values() for name in DIMENSIONS}
        return super().get_fields() | {"from": first} | filters


def _values() -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(), required=False)


def _usd(help_text: str) -> serializers.SerializerMethodField:
    return serializers.SerializerMethodField(help_text=help_text)


class CostSumsAnswer(serializers.Serializer[Sums]):
    """Amounts are exact."""

    calls = serializers.IntegerField(help_text="Answered or billed attempts, and cache hits.")
    answers = serializers.IntegerField(help_text="Of these, brought somebody an answer.")
    cached = serializers.IntegerField(source="hits", help_text="Of these, from our cache.")
    input_tokens = serializers.IntegerField(help_text="As providers counted.")
    output_tokens = serializers.IntegerField(help_text="As providers counted.")
    provider_cached_tokens = serializers.IntegerField(
        source="cached_tokens", help_text="Of the input, what providers had in caches of theirs."
    )
    cost_usd = _usd("All of it.")
    saved_usd = _usd("What answers from our cache had cost.")
    estimated_usd = _usd("Of the cost, booked as an estimate at some time.")
    wasted_usd = _usd("Of the cost, what brought nobody an answer.")
    adjusted_usd = _usd("Of the cost, adjustments and credits.")

    def get_cost_usd(self, sums: Sums) -> str:
        return exact_usd(sums.amount_pico)

    def get_saved_usd(self, sums: Sums) -> str:
        return exact_usd(sums.avoided_pico)

    def get_estimated_usd(self, sums: Sums) -> str:
        return exact_usd(sums.estimated_pico)

    def get_wasted_usd(self, sums: Sums) -> str:
        return exact_usd(sums.wasted_pico)

    def get_adjusted_usd(self, sums: Sums) -> str:
        return exact_usd(sums.adjusted_pico)


class CostGroupAnswer(CostSumsAnswer):
    """One row: the period and dimensions that were asked for, and their sums."""

    group = serializers.DictField(
        help_text="Hour, day or month, and dimensions → value; empty: unattributed."
    )


class CostsPage(serializers.Serializer[Any]):
    zone = serializers.CharField(help_text="Days are its own.")
    first = serializers.DateField()
    last = serializers.DateField()
    total = CostSumsAnswer(help_text="Of all pages, read without any grouping.")
    next = serializers.CharField(allow_null=True, help_text="Address of the next page.")
    results = CostGroupAnswer(many=True)
