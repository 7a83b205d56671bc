"""What other apps know of a caller."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class TierLimits:
    """Token-bucket limits; 0 means unlimited."""

    slug: str
    requests_per_second: int
    burst: int
    tokens_per_minute: int
    concurrent_calls: int = 0
    importance: int = 0  # under overload, tiers with less are refused first


@dataclass(frozen=True, slots=True)
class Caller:
    """The service that a key belongs to, with the dimensions that its costs are booked to."""

    service_id: int
    service: str
    team: str
    cost_center: str
    tier: TierLimits
    regions: tuple[str, ...] = ()  # where its data may go; empty: anywhere
    purpose: str = ""  # what its calls are booked as; empty: answers
    fallback_answer: str = ""  # stands in when every deployment failed; empty: nothing does


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key as the gateway keeps it in process: never the key, only its keyed hash."""

    key_hash: bytes
    caller: Caller
    expires_at: datetime | None


class AuthenticationFailed(Exception):
    """No usable key. Permanent: the same key will not work on a retry."""
