"""The cache's rules and invalidations, read once a configuration epoch."""

from apps.cache.types import CacheFacts


def read_cache() -> CacheFacts:
    return CacheFacts()
