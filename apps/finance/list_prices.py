"""Prices of reference, which tokens of two periods are counted at."""

from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction

from django.db.models.functions import Lower

from apps.finance.factors import Model, Rates
from apps.registry.models import Price, UsageClass
from apps.registry.tiers import DEFAULT_TIER

_CLASSES = (UsageClass.IN_UNCACHED, UsageClass.IN_CACHE_READ, UsageClass.OUT_TEXT)
_MODEL = ("deployment__provider__slug", "deployment__model__slug", "deployment_id")


def list_prices(*, before: datetime) -> dict[Model, Rates]:
    """(provider, model) → the price list's last prices from `before` that moment, or the first
    after it; of several deployments their mean. Those of the usual tier and length of input."""
    rows = (
        Price.objects.filter(
            usage_class__in=_CLASSES, service_tier=DEFAULT_TIER, min_input_tokens=0
        )
        .annotate(since=Lower("valid"))
        .order_by("since")
        .values_list(*_MODEL, "usage_class", "price_pico", "per_block", "since")
    )
    found: dict[Model, dict[int, dict[str, Fraction]]] = {}
    for provider, model, deployment, usage_class, price, block, since in rows:
        prices = found.setdefault((provider, model), {}).setdefault(deployment, {})
        if usage_class not in prices or since is None or since < before:
            prices[usage_class] = Fraction(price, block)
    return {model: _mean(map(_rates, prices.values())) for model, prices in found.items()}


def _rates(prices: dict[str, Fraction]) -> Rates:
    """Cached input that has no price of its own is billed as plain input."""
    plain = prices.get(UsageClass.IN_UNCACHED, Fraction())
    return Rates(
        input=plain,
        cached=prices.get(UsageClass.IN_CACHE_READ, plain),
        output=prices.get(UsageClass.OUT_TEXT, Fraction()),
    )


def _mean(rates: Iterable[Rates]) -> Rates:
    each = list(rates)
    return Rates(
        input=sum((one.input for one in each), Fraction()) / len(each),
        cached=sum((one.cached for one in each), Fraction()) / len(each),
        output=sum((one.output for one in each), Fraction()) / len(each),
    )
