"""What a letter of a view would be now."""

from datetime import datetime
from zoneinfo import ZoneInfo

from apps.finance.mailing.content import Unanswerable, content, question_of
from apps.finance.mailing.writing import Words, words
from apps.finance.models import SavedView

_WHY = "This is a preview; it was sent to nobody."


def preview(*, view: SavedView, now: datetime, zone: str) -> Words:
    """Of a view that cannot be answered any more: why not."""
    day = now.astimezone(ZoneInfo(zone)).date()
    try:
        query = question_of(address=view.address, day=day, zone=zone)
    except Unanswerable as error:
        return Words("", str(error), "")
    return words(
        name=view.name,
        address=view.address,
        found=content(query=query, day=day),
        now=now,
        why=_WHY,
        stop_url="",
    )
