"""The cache's rules and epochs, read once a configuration epoch."""

from apps.cache.models import CacheEpoch, CacheRule
from apps.cache.types import CacheFacts, Lifetime


def read_cache() -> CacheFacts:
    rules = CacheRule.objects.order_by().values_list(
        "prompt__slug", "service__slug", "ttl_seconds", "stale_seconds"
    )
    return CacheFacts(
        lifetimes={
            (prompt or "", service or ""): Lifetime(ttl, stale)
            for prompt, service, ttl, stale in rules
        },
        epochs=dict(CacheEpoch.objects.values_list("tenant", "number")),
    )
