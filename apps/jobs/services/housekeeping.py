"""What calls left behind outside of jobs: attempts of dead gateways, holds whose time is over."""

from django.db import transaction

from apps.budgets.services import expire_holds
from apps.core.clock import db_now
from apps.gateway.accounts import resolve_stale

BATCH = 500


def give_back_holds() -> None:
    """Resolve attempts that nobody waits for, then give back overdue holds; batch by batch."""
    while resolve_stale(limit=BATCH) == BATCH:
        pass
    while _expire_batch() == BATCH:
        pass


@transaction.atomic
def _expire_batch() -> int:
    return len(expire_holds(now=db_now(), limit=BATCH))
