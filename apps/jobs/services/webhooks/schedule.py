"""When a delivery is tried again: the schedule of the Standard Webhooks specification. Pure."""

import random
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

# Before the first try, and between each two: ten tries over three days.
SCHEDULE = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
JITTER = 0.1  # so that what failed together does not come back together
MAX_PAUSE = timedelta(hours=24)  # whatever an endpoint asks for


def pause_after(tries: int, *, asked: timedelta | None, random_: random.Random) -> timedelta | None:
    """How long to wait after so many failed tries; None: that was the last one.

    `asked`: the endpoint's Retry-After, which can only make it longer.
    """
    if tries >= len(SCHEDULE):
        return None
    planned = SCHEDULE[tries] * random_.uniform(1, 1 + JITTER)
    return max(planned, asked or timedelta(0))


def retry_after(header: str, *, now: datetime) -> timedelta | None:
    """A Retry-After header (RFC 9110 §10.2.3) as a time span, `MAX_PAUSE` at most; None when it is
    none."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), MAX_PAUSE)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # no date, or none that a clock can show
        return None
    if moment.tzinfo is None:
        return None
    return min(max(moment - now, timedelta(0)), MAX_PAUSE)
