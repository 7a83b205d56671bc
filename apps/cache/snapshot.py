"""The cache's rules and epochs, read once a configuration epoch."""

from apps.cache.models import CacheEpoch, CacheRule
from apps.cache.types import CacheFacts, Lifetime, Similar


def read_cache() -> CacheFacts:
    rules = CacheRule.objects.order_by().select_related("prompt", "service", "similar_model")
    return CacheFacts(
        lifetimes={
            (
                rule.prompt.slug if rule.prompt else "",
                rule.service.slug if rule.service else "",
            ): Lifetime(rule.ttl_seconds, rule.stale_seconds, _similar(rule))
            for rule in rules
        },
        epochs=dict(CacheEpoch.objects.values_list("tenant", "number")),
    )


def _similar(rule: CacheRule) -> Similar | None:
    if rule.similar_model is None or rule.similar_from is None:
        return None
    return Similar(rule.similar_variable, rule.similar_model.slug, float(rule.similar_from))
