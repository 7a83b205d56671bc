"""Names that calls through the gateway sent: what is kept of them, and which still count."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.results.models import SentNames

LATELY = timedelta(days=1)
"""What a service did not send in the last day of its calls, it no longer sends."""


@dataclass(frozen=True, slots=True)
class Sent:
    """By whom and to what, and the names, in order. No values."""

    service: str
    prompt: str
    channel: str
    variables: tuple[str, ...]
    parameters: tuple[str, ...] = ()
    tool: str = ""

    @property
    def digest(self) -> str:
        names = repr((self.variables, self.parameters, self.tool))
        return hashlib.blake2b(names.encode(), digest_size=16).hexdigest()


def still_sent(*, prompt: str, channel: str, since: datetime) -> Mapping[str, list[Sent]]:
    """Service → the sets of names that it sends now; one query."""
    rows = SentNames.objects.filter(prompt=prompt, channel=channel, last_at__gte=since)
    found: dict[str, list[SentNames]] = {}
    for row in rows.order_by("service", "id"):
        found.setdefault(row.service, []).append(row)
    return {service: _latest(rows) for service, rows in found.items()}


def _latest(rows: list[SentNames]) -> list[Sent]:
    newest = max(row.last_at for row in rows)
    return [_sent(row) for row in rows if row.last_at > newest - LATELY]


def _sent(row: SentNames) -> Sent:
    return Sent(
        row.service,
        row.prompt,
        row.channel,
        tuple(row.variables),
        tuple(row.parameters),
        row.tool,
    )
