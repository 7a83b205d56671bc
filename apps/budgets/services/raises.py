"""“Raise once”: ask for more money in one window, approve it, decline it."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from apps.budgets.locking import lock_budget_window
from apps.budgets.models import Budget, BudgetRaise, RaiseStatus
from apps.budgets.rolling import is_rolling
from apps.budgets.snapshot import read_budget
from apps.core.money import Pico


class RaiseRefused(Exception):
    """The raise cannot be decided (again), or not by this person. Permanent."""


def check_until(*, budget: Budget, until: datetime | None, now: datetime) -> None:
    """Raise `ValidationError` unless a raise asked for at `now` would end, and not yet."""
    if until is None and is_rolling(budget):
        raise ValidationError({"until": "Say until when: no window of a rolling budget ends."})
    if until is not None and until <= now:
        raise ValidationError({"until": "This time has passed."})


@transaction.atomic
def request_raise(
    *,
    budget: Budget,
    amount_pico: Pico,
    reason: str,
    by: Any,
    now: datetime,
    until: datetime | None = None,
) -> BudgetRaise:
    """Ask for `amount_pico` more in the budget's window of now; nothing changes before approval.

    Raises: `django.core.exceptions.ValidationError`.
    """
    check_until(budget=budget, until=until, now=now)
    window = lock_budget_window(read_budget(budget.pk), now)
    row = BudgetRaise(
        window_id=window,
        amount_pico=amount_pico,
        reason=reason,
        until=until,
        requested_by=by,
        requested_at=now,
    )
    row.full_clean()
    row.save()
    return row


def approve_raise(*, raise_id: int, by: Any, now: datetime) -> BudgetRaise:
    """From its commit on the window admits that much more. Raises `RaiseRefused`."""
    return _decide(raise_id, RaiseStatus.APPROVED, by, now)


def decline_raise(*, raise_id: int, by: Any, now: datetime) -> BudgetRaise:
    """Raises `RaiseRefused`."""
    return _decide(raise_id, RaiseStatus.DECLINED, by, now)


@transaction.atomic
def _decide(raise_id: int, status: RaiseStatus, by: Any, now: datetime) -> BudgetRaise:
    rows = BudgetRaise.objects.select_related("window").select_for_update(of=("self",))
    row = rows.get(pk=raise_id)
    if row.status != RaiseStatus.REQUESTED:
        raise RaiseRefused(f"The {row} was decided before: {row.get_status_display().lower()}.")
    approves = status == RaiseStatus.APPROVED
    if approves and row.requested_by_id == by.pk and not settings.BUDGET_RAISE_SINGLE_APPROVER:
        raise RaiseRefused("Somebody else has to approve what you asked for.")
    ends = [at for at in (row.until, row.window.ends_at) if at is not None]
    if approves and any(at <= now for at in ends):
        raise RaiseRefused(f"The time of the {row} is over; nobody could spend it. Ask again.")
    row.status, row.decided_by, row.decided_at = status, by, now
    row.save(update_fields=["status", "decided_by", "decided_at"])
    return row
