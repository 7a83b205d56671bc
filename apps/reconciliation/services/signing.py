"""Signing a statement off, and taking that back."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.reconciliation.errors import ReconciliationRefused
from apps.reconciliation.models import Choice, Statement, StatementStatus
from apps.reconciliation.services.comparing import keep_comparison, locked, what_is_kept
from apps.reconciliation.standing import unexplained_of

_CHANGED = (
    "the books, or the names of items, changed since it was compared. Compare it again, and look "
    "at what differs."
)


@transaction.atomic
def sign_off(*, statement_id: UUID, note: str, by: Any, now: datetime) -> Statement:
    """Compared with the books of this moment, and refused if anything is not as people saw it.
    What nobody explained is kept with it, and the checklist of the month shows it when it is more
    than 0.1 %.

    Raises: `ReconciliationRefused`.
    """
    statement = locked(statement_id, StatementStatus.OPEN)
    seen = what_is_kept(statement)
    keep_comparison(statement, now=now)
    if what_is_kept(statement) != seen:
        raise ReconciliationRefused(f"{statement}: {_CHANGED}")
    if waiting := _waiting(statement):
        raise ReconciliationRefused(
            f"{waiting} adjustments of {statement} wait for approval: approve or reject them first."
        )
    statement.status = StatementStatus.SIGNED
    statement.signed_by, statement.signed_at, statement.signed_note = by, now, note
    statement.unexplained_pico = unexplained_of(statement)
    statement.save()
    return statement


@transaction.atomic
def reopen(*, statement_id: UUID, now: datetime) -> Statement:
    """Raises: `ReconciliationRefused`."""
    statement = locked(statement_id, StatementStatus.SIGNED)
    statement.status = StatementStatus.OPEN
    statement.signed_by = statement.signed_at = None
    statement.signed_note, statement.unexplained_pico = "", 0
    statement.save()
    keep_comparison(statement, now=now)
    return statement


def _waiting(statement: Statement) -> int:
    asked = statement.decisions.filter(choice=Choice.BOOK, adjustment__status="requested")
    return asked.values("adjustment").distinct().count()
