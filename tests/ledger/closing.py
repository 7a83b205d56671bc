"""Months that are closed, for tests of what that keeps out, and of what shows who got past it."""

import time
from datetime import UTC, date, datetime

from django.contrib.auth.models import User

from apps.core.clock import db_now
from apps.ledger.boundary import ClosingRefused
from apps.ledger.closing import ask_to_close, make_periods, soft_close
from apps.ledger.final_close import close_asked
from apps.ledger.models import Closing, Period
from tests.ledger.books import booked, post_all

MARCH, APRIL, MAY = date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)


def user(name: str) -> User:
    return User.objects.get_or_create(username=name)[0]


def three_months(zone: str = "UTC") -> None:
    """Entries on some days of March, April and May, and rows for all months that have ended."""
    for month in (3, 4, 5):
        for day in (1, 14, 30):
            booked(datetime(2026, month, day, 12, tzinfo=UTC), amount=month * 1000 + day)
    post_all(zone)
    make_periods(zone=zone, now=db_now())


def closed(month: date) -> Period:
    """Closed by two people and a worker. The database's own housekeeping runs in transactions, too,
    for which closing waits."""
    soft_close(month=month, by=user("first"))
    closing = asked(month)
    assert close_asked() == 1
    closing.refresh_from_db()
    assert (closing.status, closing.faults) == ("done", [])
    return Period.objects.get(month=month)


def asked(month: date) -> Closing:
    """Somebody asks that it be closed, as soon as nothing but housekeeping stood in the way."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return ask_to_close(month=month, by=user("second"), reason="end of the quarter")
        except ClosingRefused as refusal:
            only = [fault for fault in refusal.faults if not fault.startswith("Transactions")]
            if only or time.monotonic() > deadline:
                raise
