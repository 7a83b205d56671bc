"""API keys: `llmp_<prefix>_<secret>`, 256 random bits, stored as HMAC-SHA-256 under a pepper.

A key of that strength needs no slow password hash (ASVS 11.5.1); the fixed beginning lets secret
scanners find it.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import datetime

from django.conf import settings

from apps.access.types import AuthenticationFailed, Caller, KeyRecord

_SHAPE = re.compile(r"llmp_([a-z0-9]{10})_[A-Za-z0-9_-]{43}")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_NOBODY = b"\0" * 32


def new_key() -> tuple[str, str]:
    """A fresh key and its prefix (public, used for look-up)."""
    prefix = "".join(secrets.choice(_ALPHABET) for _ in range(10))
    return f"llmp_{prefix}_{secrets.token_urlsafe(32)}", prefix


def hash_key(key: str) -> bytes:
    return hmac.digest(
        settings.API_KEY_PEPPER.encode(), key.encode("utf-8", "surrogateescape"), hashlib.sha256
    )


def bearer(header: str | None) -> str:
    """The token of an `Authorization: Bearer …` header, or `''`."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def authenticate(key: str, *, records: Mapping[str, KeyRecord], now: datetime) -> Caller:
    """The caller that `key` belongs to, in constant time for any wrong key.

    Raises `AuthenticationFailed`, with one text for unknown, wrong, revoked and expired keys.
    """
    match = _SHAPE.fullmatch(key)
    record = records.get(match[1]) if match else None
    expected = record.key_hash if record else _NOBODY
    if not hmac.compare_digest(hash_key(key), expected) or record is None:
        raise AuthenticationFailed("The API key is missing, unknown, revoked or expired.")
    if record.expires_at is not None and record.expires_at <= now:
        raise AuthenticationFailed("The API key is missing, unknown, revoked or expired.")
    return record.caller
