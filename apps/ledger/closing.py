"""Months are closed one after the other, by two people: one closes softly, from when on only
adjustments and credits are dated into the month; another closes it for ever, once all that the
checklist names is done. What becomes known later is booked in an open month.

A trigger keeps it (docs/adr/0131): it asks `Boundary` about entries that are older than an hour,
and locks it, so that none can slip in while a month is sealed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from apps.core.clock import db_now
from apps.ledger.checklist import long_checks, quick_checks
from apps.ledger.models import Boundary, Entry, Period, PeriodStatus
from apps.ledger.months import start_of_month, start_of_next_month
from apps.ledger.sealing import seal_period, stored

REST = timedelta(days=1)  # after its end, until it can be closed softly: calls across it have ended
_NEXT_XID = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"


class ClosingRefused(Exception):
    """The month cannot be closed or opened now; says everything that stands in the way."""

    def __init__(self, period: Period, faults: Iterable[object]) -> None:
        self.faults = [str(fault) for fault in faults]
        super().__init__(f"{period}: {' '.join(self.faults)}")


@dataclass(frozen=True, slots=True)
class _Place:
    """A month among the others, all of which are locked."""

    period: Period
    boundary: Boundary
    before: Period | None
    after: Period | None


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

    def change(place: _Place) -> None:
        period, now = place.period, db_now()
        _refuse_unless(
            place,
            (period.status == PeriodStatus.OPEN, f"It is {period.get_status_display()} already."),
            (_is(place.before, PeriodStatus.SOFT_CLOSED, PeriodStatus.CLOSED), _FIRST),
            (now >= period.end + REST, "Wait until a day after its end."),
        )
        period.status = PeriodStatus.SOFT_CLOSED
        period.soft_closed_by, period.soft_closed_at = by, now
        period.after_xid = _next_xid()
        place.boundary.soft_until = period.end

    return _changed(month, change)


def reopen(*, month: date) -> Period:
    """Take a soft close back. Raises `ClosingRefused`; what is closed stays so."""

    def change(place: _Place) -> None:
        period = place.period
        _refuse_unless(
            place,
            (period.status == PeriodStatus.SOFT_CLOSED, "Only a soft-closed month can be opened."),
            (_is(place.after, PeriodStatus.OPEN), "Open the month after it first."),
        )
        period.status = PeriodStatus.OPEN
        period.soft_closed_by = period.soft_closed_at = period.after_xid = None
        place.boundary.soft_until = period.start if place.before else None

    return _changed(month, change)


def close(*, month: date, by: Any) -> Period:
    """Seal it: nothing is ever dated into it again. Raises `ClosingRefused` with all that is left
    to do. Reads all entries of the month, in about a minute for a million."""

    def change(place: _Place) -> None:
        period = place.period
        _refuse_unless(
            place,
            (period.status == PeriodStatus.SOFT_CLOSED, "Close it softly first."),
            (_is(place.before, PeriodStatus.CLOSED), _FIRST),
            (period.soft_closed_by_id != by.pk, "Somebody else closed it softly, or has to."),
        )
        checks = [*quick_checks(period), *long_checks(period)]
        if left := [check for check in checks if check.open]:
            raise ClosingRefused(period, left)
        _seal(place)
        period.status, period.closed_by, period.closed_at = PeriodStatus.CLOSED, by, db_now()
        place.boundary.closed_until = period.end

    return _changed(month, change)


_FIRST = "Close the month before it first."


def _seal(place: _Place) -> None:
    period = place.period
    period.previous_seal = place.before.seal if place.before else ""
    sealed = seal_period(period, previous_seal=period.previous_seal)
    period.days = [stored(day) for day in sealed.days]
    period.entries, period.amount_pico = sealed.entries, sealed.amount_pico
    period.seal = sealed.seal


@transaction.atomic
def _changed(month: date, change: Callable[[_Place], None]) -> Period:
    boundary = lock_boundary()
    months = {p.month: p for p in Period.objects.select_for_update(of=("self",)).order_by("month")}
    before = max((found for found in months if found < month), default=None)
    after = min((found for found in months if found > month), default=None)
    place = _Place(
        months[month],
        boundary,
        months[before] if before else None,
        months[after] if after else None,
    )
    change(place)
    place.period.save()
    boundary.save()
    return place.period


def lock_boundary() -> Boundary:
    """Until the end of the transaction no month is closed or opened, and no entry of the past is
    booked by another one."""
    return Boundary.objects.select_for_update().get()


def _is(period: Period | None, *statuses: str) -> bool:
    """Of a neighbour; one that is not there stands in nobody's way."""
    return period is None or period.status in statuses


def _refuse_unless(place: _Place, *conditions: tuple[bool, str]) -> None:
    if faults := [fault for holds, fault in conditions if not holds]:
        raise ClosingRefused(place.period, faults)


def _next_xid() -> int:
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_XID)
        return int(cursor.fetchone()[0])
