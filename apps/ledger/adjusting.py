"""Adjustments and credits: asked for by one person, booked when another approves.

Budgets do not move: they limit what calls may spend, and count what calls came to. A credit is
money back, not room for more calls; who wants that raises the budget.
"""

from datetime import date, datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from apps.core.money import Pico
from apps.ledger.boundary import lock_boundary
from apps.ledger.models import Adjustment, AdjustmentStatus, Entry

_NAMES = ("provider", "model", "service", "team", "cost_center")


class AdjustmentRefused(Exception):
    """It cannot be decided (again), or not by this person. Permanent."""


def request_adjustment(
    *,
    kind: str,
    day: date,
    amount_pico: Pico,
    provider: str,
    reference: str,
    reason: str,
    by: Any,
    now: datetime,
    model: str = "",
    service: str = "",
    team: str = "",
    cost_center: str = "",
) -> Adjustment:
    """Ask for an entry over `amount_pico` (negative: less cost) on `day`; nothing is booked before
    approval. Names are slugs, as they will stand in the books; "" leaves one open.

    Raises: `django.core.exceptions.ValidationError` with all faults.
    """
    row = Adjustment(
        kind=kind,
        day=day,
        amount_pico=amount_pico,
        provider=provider,
        model=model,
        service=service,
        team=team,
        cost_center=cost_center,
        reference=reference,
        reason=reason,
        requested_by=by,
        requested_at=now,
    )
    check_day(day, now)
    row.full_clean()
    row.save(force_insert=True)
    return row


def check_day(day: date, now: datetime) -> None:
    """Raises `ValidationError` for days that no invoice can be about."""
    today = now.astimezone(ZoneInfo(settings.REPORTING_TIME_ZONE)).date()
    if not today.replace(year=today.year - 10, day=1) <= day <= today:
        raise ValidationError({"day": "A day of the last ten years, and not after today."})


@transaction.atomic
def approve_adjustment(
    *, adjustment_id: UUID, by: Any, now: datetime, decision: str = ""
) -> Adjustment:
    """Book it, on its day; now, if that day's month is closed. Of two approvals at once, the second
    is refused. Raises `AdjustmentRefused`."""
    row = _decide(adjustment_id, AdjustmentStatus.APPROVED, by, now, decision)
    at, until = _moment(row.day), lock_boundary().closed_until
    Entry.objects.create(
        id=row.pk,
        at=at if until is None or at >= until else now,
        kind=row.kind,
        amount_pico=row.amount_pico,
        reason=f"{row.reference}: {row.reason}"[:500],
        actor=by.get_username(),
        **{name: getattr(row, name) for name in _NAMES},
    )
    return row


@transaction.atomic
def reject_adjustment(
    *, adjustment_id: UUID, by: Any, now: datetime, decision: str = ""
) -> Adjustment:
    """Who asked may take it back so. Raises `AdjustmentRefused`."""
    return _decide(adjustment_id, AdjustmentStatus.REJECTED, by, now, decision)


def _decide(
    adjustment_id: UUID, status: AdjustmentStatus, by: Any, now: datetime, decision: str
) -> Adjustment:
    row = Adjustment.objects.select_for_update(of=("self",)).get(pk=adjustment_id)
    if row.status != AdjustmentStatus.REQUESTED:
        raise AdjustmentRefused(f"The {row} was decided before: {row.get_status_display()}.")
    if status == AdjustmentStatus.APPROVED and row.requested_by_id == by.pk:
        raise AdjustmentRefused(f"The {row}: somebody else has to approve what you asked for.")
    row.status, row.decided_by, row.decided_at, row.decision = status, by, now, decision
    row.save(update_fields=["status", "decided_by", "decided_at", "decision"])
    return row


def _moment(day: date) -> datetime:
    """Noon of the reporting zone: in whatever zone reports are read next year, it is that day."""
    return datetime.combine(day, time(12), ZoneInfo(settings.REPORTING_TIME_ZONE))
