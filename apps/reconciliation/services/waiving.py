"""Waiving a provider's statement of a month: asked for by one person, approved by another."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.ledger.models import Period, PeriodStatus
from apps.reconciliation.errors import ReconciliationRefused
from apps.reconciliation.models import Waiver, WaiverStatus
from apps.registry.models import Provider


def request_waiver(
    *, provider: Provider, period: Period, reason: str, by: Any, now: datetime
) -> Waiver:
    """Changes nothing before somebody else approves it.

    Raises: `django.core.exceptions.ValidationError`, also where one of the month stands.
    """
    row = Waiver(provider=provider, period=period, reason=reason, requested_by=by, requested_at=now)
    row.full_clean()
    row.save(force_insert=True)
    return row


@transaction.atomic
def approve_waiver(*, waiver_id: UUID, by: Any, now: datetime, decision: str = "") -> Waiver:
    """From now on its month needs no statement. Of two approvals at once, the second is refused.
    Raises `ReconciliationRefused`."""
    return _decide(waiver_id, WaiverStatus.APPROVED, by, now, decision)


@transaction.atomic
def reject_waiver(*, waiver_id: UUID, by: Any, now: datetime, decision: str = "") -> Waiver:
    """Who asked may take it back so. Raises `ReconciliationRefused`."""
    return _decide(waiver_id, WaiverStatus.REJECTED, by, now, decision)


def _decide(waiver_id: UUID, status: WaiverStatus, by: Any, now: datetime, decision: str) -> Waiver:
    rows = Waiver.objects.select_related("provider", "period").select_for_update(of=("self",))
    row = rows.get(pk=waiver_id)
    if row.status != WaiverStatus.REQUESTED:
        raise ReconciliationRefused(f"{row}: decided before: {row.get_status_display().lower()}.")
    if status == WaiverStatus.APPROVED and row.requested_by_id == by.pk:
        raise ReconciliationRefused(f"{row}: somebody else has to approve what you asked for.")
    if status == WaiverStatus.APPROVED and row.period.status == PeriodStatus.CLOSED:
        raise ReconciliationRefused(f"{row}: the month is closed.")
    row.status, row.decided_by, row.decided_at, row.decision = status, by, now, decision
    row.save(update_fields=["status", "decided_by", "decided_at", "decision"])
    return row
