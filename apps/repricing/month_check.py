"""The point of a month's checklist that is about recosts."""

from apps.ledger.checklist import Check
from apps.ledger.models import Period
from apps.repricing.models import WAITING, Recost


def recosts_decided(period: Period) -> Check:
    """Open: recosts of the month's calls that wait for approval, or are being booked."""
    found = Recost.objects.filter(
        status__in=WAITING, start__lt=period.end, end__gt=period.start
    ).count()
    return Check(
        "Recosts that wait, or are being booked",
        found,
        "Approve or reject them.",
        "admin:repricing_recost_changelist",
    )
