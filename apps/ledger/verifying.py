"""The equalities of the books: entries = lines = rollups of days and months = what reports say."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from apps.core.one_view import one_view
from apps.ledger import metrics, posting, reports
from apps.ledger.attempts import attempt_mismatches, sum_days
from apps.ledger.models import RollupCursor
from apps.ledger.selectors import (
    EntryFault,
    booked_days,
    booked_sum,
    broken_entries,
    rollup_mismatches,
)
from apps.ledger.types import Mismatch

log = structlog.get_logger(__name__)


def verify_books(
    *, zone: str, first: date | None = None, last: date | None = None
) -> list[EntryFault | Mismatch]:
    """Everything in the ledger's own tables that differs, from the first to the last day (both
    included; without them: ever). Nothing, or the books are wrong. Reads every entry twice."""
    with one_view():
        booked = booked_days(zone=zone) if first is None or last is None else (first, last)
        if booked is None:
            return []
        days = reports.Days(*booked, zone)
        start, end = days.bounds
        return [
            *broken_entries(start=start, end=end),
            *rollup_mismatches(first=days.first, last=days.last),
            *attempt_mismatches(days=days),
            *_report_mismatches(days),
        ]


def _report_mismatches(days: reports.Days) -> Iterator[Mismatch]:
    """Every sum that a report shows, against that of the entries."""
    booked = booked_sum(first=days.first, last=days.last, zone=days.zone)
    totals = {"Total of the report": reports.total_spent(days=days)}
    for name in reports.DIMENSIONS:
        groups = reports.spend_by_group(days=days, dimension=name)
        by_day = reports.spend_by_day(days=days, dimension=name)
        totals[f"Report by {name}"] = sum(spend.amount_pico for spend in groups.values())
        totals[f"Report by day and {name}"] = sum(row.spend.amount_pico for row in by_day)
    for what, total in totals.items():
        if total != booked:
            yield Mismatch(f"Pico-USD in: {what}, {days.first} to {days.last}", total, booked)


def verify_yesterday(*, zone: str, now: datetime) -> list[Mismatch]:
    """Compute yesterday's sums from its entries and attempts and compare; tells Prometheus, the
    log, and whoever reads costs.

    Nothing is mended: a difference is a fault that somebody must understand first
    (`rebuild_rollups` then mends it).
    """
    posting.post_entries(zone=zone)
    sum_days(zone=zone)
    yesterday = now.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
    mismatches = [
        *rollup_mismatches(first=yesterday, last=yesterday),
        *attempt_mismatches(days=reports.Days(yesterday, yesterday, zone)),
    ]
    metrics.observe_verified(mismatches)
    RollupCursor.objects.update(
        verified_at=now, verified_day=yesterday, differences=len(mismatches)
    )
    if mismatches:
        log.error(
            "rollups_differ",
            day=str(yesterday),
            count=len(mismatches),
            first=[str(mismatch) for mismatch in mismatches[:5]],
        )
    return mismatches
