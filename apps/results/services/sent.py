"""Keeps names that calls through the gateway sent."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from apps.core.clock import db_now
from apps.results.models import SentNames
from apps.results.sent import Sent

KEPT = timedelta(days=31)


def keep_sent(items: Sequence[Sent]) -> list[None]:
    """Each with the hour that it is; one statement, in the order of all writers."""
    hour = db_now().replace(minute=0, second=0, microsecond=0)
    rows = [_row(sent, hour) for sent in sorted(set(items), key=_key)]
    SentNames.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["prompt", "channel", "service", "digest"],
        update_fields=["last_at"],
    )
    return [None] * len(items)


def forget_sent(*, now: datetime) -> int:
    """Those that nobody has sent for longer than anybody asks for; how many."""
    return SentNames.objects.filter(last_at__lt=now - KEPT).delete()[0]


def _key(sent: Sent) -> tuple[str, ...]:
    return (sent.prompt, sent.channel, sent.service, sent.digest)


def _row(sent: Sent, hour: datetime) -> SentNames:
    return SentNames(
        service=sent.service,
        prompt=sent.prompt,
        channel=sent.channel,
        variables=list(sent.variables),
        parameters=list(sent.parameters),
        tool=sent.tool,
        digest=sent.digest,
        last_at=hour,
    )
