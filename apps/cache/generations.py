"""Generations: a random value for each scope in Redis. An answer is valid while the generations of
all its scopes are those it was stored with, so one write invalidates any number of answers.

They are random, not counted: one that was evicted or flushed comes back as another value, never as
an earlier one, so nothing that was invalidated can return (docs/adr/0030).
"""

import secrets

from apps.cache.types import Scope
from apps.core.redis import client

LIFETIME = 32 * 24 * 3600  # seconds; longer than any answer is kept


def name_of(scope: Scope) -> str:
    """Tenant and handle hold no colon, so no two scopes share a name."""
    return f"cache:generation:{scope.tenant}:{scope.handle}:{scope.name}"


def new() -> str:
    return secrets.token_hex(8)


def renew(scope: Scope) -> None:
    """Invalidate everything in `scope`, at once in every process. Raises `RedisError`."""
    client().set(name_of(scope), new(), ex=LIFETIME)
