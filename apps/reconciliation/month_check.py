"""The point of a month's checklist that is about providers' statements."""

from collections.abc import Iterator
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from apps.ledger.checklist import Check
from apps.ledger.models import Period
from apps.ledger.reports import Days, providers_with_costs
from apps.reconciliation.books import our_total
from apps.reconciliation.models import FileFormat, Source, Statement, StatementStatus
from apps.reconciliation.standing import unexplained_of
from apps.registry.models import Provider

ONE_IN = 1000  # unexplained parts of a statement that a month may close with: 0.1 %


def reconciled(period: Period) -> Check:
    """Open: providers with costs in the month whose statements don't cover it, are not signed off,
    leave more than 0.1 % unexplained, or were signed when the books said something else."""
    left = [f"{slug} {fault}" for slug, fault in _faults(period)]
    way_out = f"{'; '.join(left)}. Import and sign off their statements." if left else ""
    return Check(
        "Reconciled with each provider",
        len(left),
        way_out,
        "admin:reconciliation_statement_changelist",
    )


def _faults(period: Period) -> Iterator[tuple[str, str]]:
    first, last = _days(period)
    days = Days(first, last, period.zone)
    for slug in sorted(filter(None, providers_with_costs(days=days))):
        provider = Provider.objects.filter(slug=slug).first()
        # of one that was deleted nobody can import anything
        if provider and not _sends_no_bill(provider) and (fault := _fault(provider, first, last)):
            yield slug, fault


def _sends_no_bill(provider: Provider) -> bool:
    return Source.objects.filter(provider=provider, format=FileFormat.NONE).exists()


def _fault(provider: Provider, first: date, last: date) -> str:
    signed = Statement.objects.filter(
        provider=provider, status=StatementStatus.SIGNED, first_day__lte=last, last_day__gte=first
    )
    rows = list(signed.select_related("provider"))
    if missing := _missing(rows, first, last):
        return f"has no signed-off statement of {missing} of its days"
    for row in rows:
        if abs(unexplained_of(row)) * ONE_IN > abs(row.theirs_pico):
            return f"has more than 0.1 % unexplained ({row.first_day} to {row.last_day})"
        ours = our_total(
            provider=provider, first=row.first_day, last=row.last_day, basis=row.day_basis
        )
        if ours != row.ours_pico:
            return f"was signed off before the books changed ({row.first_day} to {row.last_day})"
    return ""


def _missing(rows: list[Statement], first: date, last: date) -> int:
    days = {first + timedelta(days=n) for n in range((last - first).days + 1)}
    for row in rows:
        days -= {
            row.first_day + timedelta(days=n)
            for n in range((row.last_day - row.first_day).days + 1)
        }
    return len(days)


def _days(period: Period) -> tuple[date, date]:
    """The days of the month by the calendar; those of statements are of UTC."""
    zone = ZoneInfo(period.zone)
    last = period.end - timedelta(microseconds=1)
    return period.start.astimezone(zone).date(), last.astimezone(zone).date()
