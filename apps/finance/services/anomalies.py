"""What people say about unusual days. Every word is in the audit log, also what was taken back."""

from datetime import date, datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from apps.finance.models import Acknowledgement, PlannedDays

LONGEST_PLAN = 366  # days


def acknowledge(
    *, dimension: str, value: str, day: date, note: str, by: User, now: datetime
) -> Acknowledgement:
    """Saying something else about the same day replaces what was said.

    Raises: `ValidationError` without a note.
    """
    group: dict[str, Any] = {"dimension": dimension, "value": value, "day": day}
    said = Acknowledgement(**group, note=note.strip(), by=by, at=now)
    said.clean_fields()
    found, _ = Acknowledgement.objects.update_or_create(
        **group, defaults={"note": said.note, "by": by, "at": now}
    )
    return found


def plan_days(
    *, dimension: str, value: str, name: str, first: date, last: date, by: User, now: datetime
) -> PlannedDays:
    """Raises: `ValidationError` without a name, and of days that are none or too many."""
    if not first <= last:
        raise ValidationError({"last": f"It lies before the first day ({first}); exchange them."})
    if (last - first).days >= LONGEST_PLAN:
        raise ValidationError({"last": f"At most {LONGEST_PLAN} days: later ones are usual."})
    planned = PlannedDays(
        dimension=dimension, value=value, name=name.strip(), first=first, last=last, by=by, at=now
    )
    planned.clean_fields()
    planned.save()
    return planned


def withdraw_plan(*, pk: int) -> bool:
    """Its days are told again. Whether it was there."""
    deleted, _ = PlannedDays.objects.filter(pk=pk).delete()
    return bool(deleted)
