"""What must be done before a month can be closed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from django.db import connection

from apps.ledger import following
from apps.ledger.models import (
    Adjustment,
    AdjustmentStatus,
    Attempt,
    AttemptStatus,
    Entry,
    Period,
    RollupCursor,
)
from apps.ledger.selectors import broken_entries, open_quarantine, rollup_mismatches

_ENDED = f"SELECT ({following.HORIZON})::xid8 >= %s::xid8"


@dataclass(frozen=True, slots=True)
class Check:
    """One point of the list; done when `open` is 0."""

    title: str
    open: int
    way_out: str
    page: str = ""  # name of the page where it is done
    query: str = ""
    note: str = ""  # what somebody who signs the month should know, done or not

    def __str__(self) -> str:
        return f"{self.title}: {self.open:,}. {self.way_out}"


Ask = Callable[[Period], Check]
_registered: dict[bool, list[Ask]] = {False: [], True: []}


def register_check(check: Ask, *, is_long: bool = False) -> None:
    """Apps above the ledger add what they know of a month, when Django starts. `is_long`: asked
    when the month is closed, not by each look at its page."""
    if check not in _registered[is_long]:
        _registered[is_long].append(check)


def quick_checks(period: Period) -> list[Check]:
    """What a page can ask each time that it is opened."""
    waits = open_quarantine(before=period.end)
    quarantine = "admin:ledger_waitingentry_changelist"
    attempts = Attempt.objects.filter(
        status=AttemptStatus.DISPATCHED, started_at__lt=period.end
    ).count()
    asked = Adjustment.objects.filter(
        status=AdjustmentStatus.REQUESTED, day__lte=days_of_month(period)[1]
    ).count()
    return [
        Check("Usage without a price", waits.unpriced, "Price it in quarantine.", quarantine),
        Check("Conflicting usage", waits.conflict, "Decide it in quarantine.", quarantine),
        Check("Calls of unknown outcome", waits.unknown, "Decide them in quarantine.", quarantine),
        Check(
            "Calls under way",
            attempts,
            "They end, or are given up, by themselves.",
            "admin:ledger_attempt_changelist",
            "status__exact=dispatched",
        ),
        Check(
            "Adjustments that wait for approval",
            asked,
            "Approve or reject them.",
            "admin:ledger_adjustment_changelist",
            "status__exact=requested",
        ),
        Check("Entries that no report holds yet", _unposted(period), "Wait for a minute."),
        Check(
            "Transactions from before the soft close that still run",
            0 if period.after_xid is None or _ended(period) else 1,
            "Wait until they end; pg_stat_activity names them.",
        ),
        *(check(period) for check in _registered[False]),
    ]


def long_checks(period: Period) -> Iterator[Check]:
    """What reads every entry of the month: minutes for a million of them."""
    first, last = days_of_month(period)
    broken = len(broken_entries(start=period.start, end=period.end))
    drift = len(rollup_mismatches(first=first, last=last))
    way_out = "Run verify_ledger: it names them."
    yield Check("Entries that break a rule of the books", broken, way_out)
    yield Check("Sums that differ from their entries", drift, "Run rebuild_rollups.")
    yield from (check(period) for check in _registered[True])


def count_of_long_checks() -> int:
    return 2 + len(_registered[True])


def _unposted(period: Period) -> int:
    cursor = RollupCursor.objects.first()
    found = Entry.objects.filter(at__gte=period.start, at__lt=period.end)
    return (found.filter(xid__gte=cursor.xid) if cursor else found).count()


def _ended(period: Period) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_ENDED, [str(period.after_xid)])
        return bool(cursor.fetchone()[0])


def days_of_month(period: Period) -> tuple[date, date]:
    """Its first and its last day, by the calendar of its zone."""
    zone = ZoneInfo(period.zone)
    first, after = period.start.astimezone(zone), period.end.astimezone(zone)
    return first.date(), (after - timedelta(microseconds=1)).date()
