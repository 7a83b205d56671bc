"""Months are closed one after the other, by two people: one closes softly, from when on only
adjustments and credits are dated into the month; another asks that it be closed for ever, once all
that the checklist names is done, and a worker does so (`final_close`). What becomes known later is
booked in an open month.

A trigger keeps it (docs/adr/0131): it asks `Boundary` about entries that are older than an hour.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import QuerySet

from apps.core.clock import db_now
from apps.ledger.boundary import ClosingRefused, Place, change_period, is_one_of
from apps.ledger.checklist import quick_checks
from apps.ledger.models import Closing, ClosingStatus, Entry, Period, PeriodStatus
from apps.ledger.months import start_of_month, start_of_next_month

REST = timedelta(days=1)  # after its end, until it can be closed softly: calls across it have ended
_FIRST = "Close the month before it first."
_NEXT_XID = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"


def make_periods(*, zone: str, now: datetime) -> None:
    """A row for every month that has ended, from that of the first entry on. Those that are there
    are left alone. Safe to run twice, and at the same time."""
    newest = Period.objects.order_by("month").last()
    start, month = (newest.end, start_of_next_month(newest.month)) if newest else _first(zone)
    made = []
    while start is not None and (end := _midnight(start_of_next_month(month), zone)) <= now:
        made.append(Period(month=month, start=start, end=end, zone=zone))
        start, month = end, start_of_next_month(month)
    Period.objects.bulk_create(made, ignore_conflicts=True)


def _first(zone: str) -> tuple[datetime | None, date]:
    oldest = Entry.objects.order_by("at").values_list("at", flat=True).first()
    if oldest is None:
        return None, date.min
    month = start_of_month(oldest.astimezone(ZoneInfo(zone)).date())
    return _midnight(month, zone), month


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def soft_close(*, month: date, by: Any) -> Period:
    """From now on only adjustments and credits may be dated into it. Raises `ClosingRefused`."""

    def change(place: Place) -> None:
        period, now = place.period, db_now()
        place.refuse_unless(
            (period.status == PeriodStatus.OPEN, f"It is {period.get_status_display()} already."),
            (is_one_of(place.before, PeriodStatus.SOFT_CLOSED, PeriodStatus.CLOSED), _FIRST),
            (now >= period.end + REST, "Wait until a day after its end."),
        )
        period.status = PeriodStatus.SOFT_CLOSED
        period.soft_closed_by, period.soft_closed_at = by, now
        period.after_xid = _next_xid()
        place.boundary.soft_until = period.end

    return change_period(month, change)


def reopen(*, month: date) -> Period:
    """Take a soft close back, and what was asked for since. Raises `ClosingRefused`; what is closed
    stays so."""

    def change(place: Place) -> None:
        period = place.period
        place.refuse_unless(
            (period.status == PeriodStatus.SOFT_CLOSED, "Only a soft-closed month can be opened."),
            (is_one_of(place.after, PeriodStatus.OPEN), "Open the month after it first."),
        )
        _asked(period).update(
            status=ClosingStatus.REFUSED, faults=["It was opened again."], ended_at=db_now()
        )
        period.status = PeriodStatus.OPEN
        period.soft_closed_by = period.soft_closed_at = period.after_xid = None
        place.boundary.soft_until = period.start if place.before else None

    return change_period(month, change)


def ask_to_close(*, month: date, by: Any, reason: str) -> Closing:
    """Let a worker close it for ever: nothing is ever dated into it again. Raises `ClosingRefused`
    with all that is known to stand in the way; what only reading its entries shows, `Closing` says
    later."""
    asked: list[Closing] = []

    def change(place: Place) -> None:
        refuse_to_close(place, by)
        place.refuse_unless((not _asked(place.period).exists(), "It is being closed already."))
        asked.append(
            Closing.objects.create(
                period=place.period, asked_by=by, asked_at=db_now(), reason=reason
            )
        )

    change_period(month, change)
    return asked[0]


def refuse_to_close(place: Place, by: Any) -> None:
    """Raises `ClosingRefused` unless this person may close it now, and its checklist is done."""
    period = place.period
    place.refuse_unless(
        (period.status == PeriodStatus.SOFT_CLOSED, "Close it softly first."),
        (is_one_of(place.before, PeriodStatus.CLOSED), _FIRST),
        (period.soft_closed_by_id != by.pk, "You closed it softly: somebody else closes it."),
    )
    if left := [check for check in quick_checks(period) if check.open]:
        raise ClosingRefused(period, left)


def _asked(period: Period) -> QuerySet[Closing]:
    return Closing.objects.filter(period=period, status=ClosingStatus.ASKED)


def _next_xid() -> int:
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_XID)
        return int(cursor.fetchone()[0])
