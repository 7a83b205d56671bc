"""Writes of access: services and their keys."""

from datetime import datetime

from apps.access.keys import hash_key, new_key
from apps.access.models import ApiKey, Service
from apps.core.upsert import Change, upsert


def put_service(
    *, slug: str, team: str, cost_center: str, tier: str, name: str | None = None
) -> tuple[Service, Change]:
    """Make or change a service. A team and a cost centre that are new are made with it.

    Raises: `ValidationError` with every fault.
    """
    return upsert(
        Service,
        lookup={"slug": slug},
        values={"name": name, "team": team, "cost_center": cost_center, "tier": tier},
        making=("team", "cost_center"),
    )


def issue_key(
    *, service: Service, name: str, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Make a key. The second value is the key itself: show it once, it is not stored.

    Raises: `ValidationError`.
    """
    key, prefix = new_key()
    row = ApiKey(
        service=service, name=name, prefix=prefix, key_hash=hash_key(key), expires_at=expires_at
    )
    row.full_clean()
    row.save()
    return row, key


def revoke_key(*, key: ApiKey, now: datetime) -> None:
    """Refuse the key everywhere within a second. Revoking twice keeps the first time."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now)
