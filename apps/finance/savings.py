"""What providers' own caches saved, by the price list of the range's last day.

An estimate: the rollups keep how much of the input was cached, not at which price. Inputs of
special tiers and lengths are taken for usual ones.
"""

from dataclasses import replace

from apps.core.money import Pico
from apps.finance.query import Query
from apps.finance.selectors import cost_rows
from apps.registry.models import Price, UsageClass
from apps.registry.tiers import DEFAULT_TIER

_PRICED = (UsageClass.IN_UNCACHED, UsageClass.IN_CACHE_READ)


def provider_cache_saved(*, query: Query) -> Pico | None:
    """Cached input tokens of each deployment, times what they were cheaper by. None: no rollup
    tells them apart for what is filtered by; the page of savings reads entries."""
    keys = ("deployment",)
    asked = replace(query, group_by=keys)
    if asked.reads_entries:
        return None
    rows = cost_rows(query=asked, keys=keys, measures=("cached_tokens",))
    cached = {str(row.keys[0]): row.sums.cached_tokens for row in rows if row.sums.cached_tokens}
    if not cached:
        return 0
    prices = {
        (price.deployment.slug, price.usage_class): price
        for price in Price.objects.filter(
            deployment__slug__in=cached,
            usage_class__in=_PRICED,
            service_tier=DEFAULT_TIER,
            min_input_tokens=0,
            valid__contains=query.days.bounds[1],
        ).select_related("deployment")
    }
    saved: list[Pico] = [
        tokens * plain.price_pico // plain.per_block - tokens * read.price_pico // read.per_block
        for slug, tokens in cached.items()
        if (plain := prices.get((slug, UsageClass.IN_UNCACHED)))
        and (read := prices.get((slug, UsageClass.IN_CACHE_READ)))
    ]
    return sum(saved)
