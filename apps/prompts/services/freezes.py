"""Freezes: times in which nothing new goes live on a channel."""

from datetime import datetime

from apps.core.faults import Fault
from apps.prompts.models import Channel, Freeze


def freeze_at(*, channel: Channel, at: datetime) -> Freeze | None:
    """The freeze that holds then and ends last."""
    rows = Freeze.objects.filter(channel=channel, starts_at__lte=at, ends_at__gt=at)
    return rows.order_by("-ends_at").first()


def freeze_faults(channel: Channel, at: datetime) -> list[Fault]:
    freeze = freeze_at(channel=channel, at=at)
    if freeze is None:
        return []
    detail = f"{channel} is frozen until {freeze.ends_at:%-d %B, %H:%M %Z}: {freeze.reason}."
    return [Fault("/channel", f"{detail} Rolling back is possible.", "frozen")]
