"""The point of a month's checklist that is about providers' statements."""

from collections.abc import Iterator
from datetime import date, timedelta

from django.db.models import QuerySet

from apps.ledger.checklist import Check, days_of_month
from apps.ledger.models import Period
from apps.ledger.reports import Days, providers_with_costs
from apps.reconciliation.books import books_changed
from apps.reconciliation.models import (
    FileFormat,
    Source,
    Statement,
    StatementStatus,
    Waiver,
    WaiverStatus,
)
from apps.reconciliation.standing import is_too_much
from apps.registry.models import Provider


def reconciled(period: Period) -> Check:
    """Open: providers with costs in the month whose statements don't cover it, are not signed off,
    or leave more than 0.1 % unexplained. Two people may waive a provider's."""
    waivers = _waivers(period)
    left = [f"{slug} {fault}" for slug, fault in _faults(period, waivers)]
    way_out = f"{'; '.join(left)}. Import and sign off their statements." if left else ""
    return Check(
        "Reconciled with each provider",
        len(left),
        way_out,
        "admin:reconciliation_statement_changelist",
        note=" ".join(_said(row) for row in waivers.values() if _is_approved(row)),
    )


def unchanged(period: Period) -> Check:
    """Open: signed statements of the month that were compared with other books than today's."""
    stale = [row for row in _signed(*days_of_month(period)) if books_changed(row)]
    names = ", ".join(f"{row.provider} {row.first_day} to {row.last_day}" for row in stale)
    way_out = f"{names}: the books changed since. Reopen and sign them off anew." if stale else ""
    return Check("Statements signed off before the books changed", len(stale), way_out)


def _signed(first: date, last: date) -> QuerySet[Statement]:
    return Statement.objects.filter(
        status=StatementStatus.SIGNED, first_day__lte=last, last_day__gte=first
    ).select_related("provider")


def _waivers(period: Period) -> dict[int, Waiver]:
    """By provider, at most one of each: those that stand."""
    rows = Waiver.objects.filter(period=period.month).exclude(status=WaiverStatus.REJECTED)
    people = rows.select_related("provider", "requested_by", "decided_by")
    return {row.provider_id: row for row in people.order_by("provider__slug")}


def _is_approved(row: Waiver | None) -> bool:
    return row is not None and row.status == WaiverStatus.APPROVED


def _said(row: Waiver) -> str:
    return (
        f"Waived: {row.provider}, asked for by {row.requested_by}, approved by {row.decided_by} "
        f"(“{row.reason}”)."
    )


def _faults(period: Period, waivers: dict[int, Waiver]) -> Iterator[tuple[str, str]]:
    first, last = days_of_month(period)
    slugs = providers_with_costs(days=Days(first, last, period.zone))
    rows: dict[int, list[Statement]] = {}
    for row in _signed(first, last):
        rows.setdefault(row.provider_id, []).append(row)
    # of one that was deleted nobody can import anything
    providers = Provider.objects.filter(slug__in=slugs).order_by("slug")
    silent = set(Source.objects.filter(format=FileFormat.NONE).values_list("provider", flat=True))
    for provider in providers:
        waiver = waivers.get(provider.pk)
        fault = _fault(rows.get(provider.pk, []), first, last)
        if fault and not _is_approved(waiver):
            yield provider.slug, _without_bill(fault, waiver, provider.pk in silent)


def _without_bill(fault: str, waiver: Waiver | None, is_silent: bool) -> str:
    """How far its statement is waived, where somebody says that it sends none."""
    if waiver:
        return f"waits for somebody else than {waiver.requested_by} to approve its waiver"
    return "sends no bill: ask to waive its statement" if is_silent else fault


def _fault(rows: list[Statement], first: date, last: date) -> str:
    if missing := _missing(rows, first, last):
        return f"has no signed-off statement of {missing} of its days"
    for row in rows:
        if is_too_much(row.unexplained_pico, row.theirs_pico):
            return f"has more than 0.1 % unexplained ({row.first_day} to {row.last_day})"
    return ""


def _missing(rows: list[Statement], first: date, last: date) -> int:
    days = {first + timedelta(days=n) for n in range((last - first).days + 1)}
    for row in rows:
        days -= {
            row.first_day + timedelta(days=n)
            for n in range((row.last_day - row.first_day).days + 1)
        }
    return len(days)
