"""When a view is mailed and to whom: set by its owner, stopped by its owner or for oneself."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from apps.finance.mailing.content import Unanswerable, is_dated, question_of
from apps.finance.mailing.when import next_due
from apps.finance.models import MailAddress, MailPlan, Recipient, SavedView

MOST_RECIPIENTS = 50


@transaction.atomic
def save_plan(
    *,
    view: SavedView,
    moment: Mapping[str, Any],
    people: Collection[User],
    addresses: Collection[MailAddress],
    now: datetime,
    zone: str,
) -> MailPlan:
    """`moment`: every, weekday, month_day, hour. Who stopped it for themselves stays stopped.

    Raises: `ValidationError` without a recipient, with too many, or for a view that would say the
    same in every letter.
    """
    _check(view, len(people) + len(addresses), now, zone)
    SavedView.objects.select_for_update(of=("self",)).get(pk=view.pk)  # of two, one comes second
    plan = MailPlan.objects.select_for_update().filter(view=view).first() or MailPlan(view=view)
    for name, value in moment.items():
        setattr(plan, name, value)
    plan.next_at = next_due(plan, zone=zone, after=now)
    plan.clean_fields()
    plan.save()
    plan.recipients.exclude(user__in=people).exclude(address__in=addresses).delete()
    Recipient.objects.bulk_create(
        [
            *(Recipient(plan=plan, user=user) for user in people),
            *(Recipient(plan=plan, address=address) for address in addresses),
        ],
        ignore_conflicts=True,
    )
    return plan


def stop_plan(*, view: SavedView) -> bool:
    """What waits in the outbox is stopped with it. Whether there was a plan."""
    deleted, _ = MailPlan.objects.filter(view=view).delete()
    return bool(deleted)


def stop_for(*, recipient: Recipient, is_stopped: bool, now: datetime) -> None:
    """Nobody but the recipient stops or resumes it for themselves. Twice is once."""
    rows = Recipient.objects.filter(pk=recipient.pk, stopped_at__isnull=is_stopped)
    rows.update(stopped_at=now if is_stopped else None)


def _check(view: SavedView, recipients: int, now: datetime, zone: str) -> None:
    if not recipients:
        raise ValidationError("Choose at least one recipient, or stop the mail.")
    if recipients > MOST_RECIPIENTS:
        raise ValidationError(f"At most {MOST_RECIPIENTS} recipients; these are {recipients}.")
    if is_dated(view.address):
        raise ValidationError(
            "This view has fixed dates, so each letter would say the same. Save it with a period "
            "by name, such as “Last week” or “Last month”, and mail that."
        )
    today = now.astimezone(ZoneInfo(zone)).date()
    try:
        question_of(address=view.address, day=today, zone=zone)
    except Unanswerable as error:
        raise ValidationError(f"The view cannot be answered any more. {error}") from error
