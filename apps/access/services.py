"""Writes of access: issue and revoke keys."""

from datetime import datetime

from apps.access.keys import hash_key, new_key
from apps.access.models import ApiKey, Service


def issue_key(
    *, service: Service, name: str, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Make a key. The second value is the key itself: show it once, it is not stored."""
    key, prefix = new_key()
    row = ApiKey.objects.create(
        service=service, name=name, prefix=prefix, key_hash=hash_key(key), expires_at=expires_at
    )
    return row, key


def revoke_key(*, key: ApiKey, now: datetime) -> None:
    """Refuse the key everywhere within a second. Revoking twice keeps the first time."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now)
