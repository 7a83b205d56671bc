"""Closing a month for ever, once somebody has asked: a worker reads its entries and seals it.

Reading takes minutes and locks nothing. Entries never change, so at the end it is enough to know
that the month holds none which the beginning could not see (docs/adr/0168). That, what the
checklist asks, and the close itself are one short transaction.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from django.db import connection
from django.db.models import QuerySet

from apps.audit.history import with_reason
from apps.core.clock import db_now
from apps.ledger.boundary import ClosingRefused, Place, change_period
from apps.ledger.checklist import count_of_long_checks, long_checks
from apps.ledger.closing import refuse_to_close
from apps.ledger.models import Closing, ClosingStatus, Period, PeriodStatus
from apps.ledger.sealing import DaySeal, day_seals, days_of, seal_days, stored

log = structlog.get_logger(__name__)
MOST_TRIES = 3
_CHECKED = "step 1 of 2, reading all entries: {} of {} checks done"
_SEALED = "step 2 of 2, sealing: {} of {} days done"
_LOCK = 0x636C6F7365  # "close": one at a time in the whole house
_GIVEN_UP = (
    "It was begun three times and never ended; the workers' log says why. Ask an operator, then "
    "close it again."
)
_NEWER = (
    "SELECT count(*) FROM ledger_entry WHERE at >= %(start)s AND at < %(end)s"
    " AND xid >= pg_snapshot_xmin(%(seen)s::pg_snapshot)"
    " AND NOT pg_visible_in_snapshot(xid, %(seen)s::pg_snapshot)"
)

Item = TypeVar("Item")


class _Withdrawn(Exception):
    """The month was opened again meanwhile, or another worker is at it."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What a month holds, of the entries that one snapshot of Postgres could see."""

    days: tuple[DaySeal, ...]
    snapshot: str


def close_asked() -> int:
    """Close what somebody asked for, one month after the other; how many were begun. Who dies in it
    leaves it to the next. Safe to run twice, and at the same time."""
    begun = 0
    with _alone() as is_alone:
        while is_alone and (closing := _begun()) is not None:
            _close(closing)
            begun += 1
    return begun


@contextmanager
def _alone() -> Iterator[bool]:
    """For as long as this connection lives, not for a transaction: the work is many of them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        is_alone = bool(cursor.fetchone()[0])
        try:
            yield is_alone
        finally:
            if is_alone:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _begun() -> Closing | None:
    asked = Closing.objects.filter(status=ClosingStatus.ASKED)
    found = asked.select_related("period", "asked_by").order_by("pk").first()
    if found is None:
        return None
    if found.tries >= MOST_TRIES:
        _refuse(found, [_GIVEN_UP])
        return _begun()
    found.tries, found.stage = found.tries + 1, _CHECKED.format(0, count_of_long_checks())
    found.save(update_fields=["tries", "stage"])
    return found


def _close(closing: Closing) -> None:
    try:
        read = _read(closing)
        with with_reason(closing.reason, user=closing.asked_by_id):
            change_period(closing.period_id, lambda place: _seal(place, closing, read))
    except ClosingRefused as refusal:
        _refuse(closing, refusal.faults)
    except _Withdrawn:
        log.info("closing_withdrawn", month=str(closing.period_id))


def _read(closing: Closing) -> _Read:
    period = closing.period
    snapshot = _one("SELECT pg_current_snapshot()::text")
    checks = _told(closing, _CHECKED, count_of_long_checks(), long_checks(period))
    if left := [check for check in checks if check.open]:
        raise ClosingRefused(period, left)
    total = sum(1 for _ in days_of(period))
    days = tuple(_told(closing, _SEALED, total, day_seals(period)))
    return _Read(days, str(snapshot))


def _told(closing: Closing, what: str, total: int, items: Iterable[Item]) -> Iterator[Item]:
    """Says on the month's page how many of them are done."""
    for number, item in enumerate(items, 1):
        if not _ours(closing).update(stage=what.format(number, total)):
            raise _Withdrawn
        yield item


def _seal(place: Place, closing: Closing, read: _Read) -> None:
    if not _ours(closing).update(status=ClosingStatus.DONE, ended_at=db_now()):
        raise _Withdrawn
    period = place.period
    newer = _newer(period, read.snapshot)
    place.refuse_unless((newer == 0, f"Entries booked while it was read: {newer}. Close it again."))
    refuse_to_close(place, closing.asked_by)
    _note(period, read.days, previous_seal=place.before.seal if place.before else "")
    period.status = PeriodStatus.CLOSED
    period.closed_by, period.closed_at = closing.asked_by, db_now()
    place.boundary.closed_until = period.end


def _note(period: Period, days: tuple[DaySeal, ...], *, previous_seal: str) -> None:
    period.previous_seal = previous_seal
    whole = seal_days(period, days, previous_seal=previous_seal)
    period.days = [stored(day) for day in whole.days]
    period.entries, period.amount_pico, period.seal = whole.entries, whole.amount_pico, whole.seal


def _refuse(closing: Closing, faults: list[str]) -> None:
    _ours(closing).update(status=ClosingStatus.REFUSED, faults=faults, ended_at=db_now())


def _ours(closing: Closing) -> QuerySet[Closing]:
    """The one row, while nobody withdrew it and no other worker began it anew."""
    return Closing.objects.filter(pk=closing.pk, status=ClosingStatus.ASKED, tries=closing.tries)


def _newer(period: Period, snapshot: str) -> int:
    values = {"start": period.start, "end": period.end, "seen": snapshot}
    return int(_one(_NEWER, values))


def _one(statement: str, values: dict[str, Any] | None = None) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()[0]
