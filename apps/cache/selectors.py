"""How much the cache answers and saves, from the ledger's own rows."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, Sum

from apps.core.money import Pico
from apps.ledger.models import Entry, EntryKind
from apps.ledger.reports import CALLS


@dataclass(frozen=True, slots=True)
class Share:
    """Calls of one group: how many the cache answered, and what that saved."""

    name: str
    calls: int
    hits: int
    avoided_pico: Pico

    @property
    def misses(self) -> int:
        return self.calls - self.hits

    @property
    def hit_share(self) -> float:
        return self.hits / self.calls if self.calls else 0.0


def shares(*, dimension: str, since: datetime, service: str | None = None) -> list[Share]:
    """By `dimension` (service, prompt or model), those that saved most first. With `service` its
    calls only. Calls are counted where they were booked: billed attempts and cache hits."""
    rows = Entry.objects.filter(at__gte=since, kind__in=CALLS)
    if service is not None:
        rows = rows.filter(service=service)
    sums = (
        rows.order_by()
        .values(dimension)
        .annotate(
            calls=Count("pk"),
            hits=Count("pk", filter=Q(kind=EntryKind.CACHE_HIT)),
            avoided=Sum("avoided_pico"),
        )
    )
    found = [
        Share(row[dimension], row["calls"], row["hits"], int(row["avoided"] or 0)) for row in sums
    ]
    return sorted(found, key=lambda share: (-share.avoided_pico, -share.calls, share.name))


def total(found: list[Share]) -> Share:
    return Share(
        name="",
        calls=sum(share.calls for share in found),
        hits=sum(share.hits for share in found),
        avoided_pico=sum(share.avoided_pico for share in found),
    )
