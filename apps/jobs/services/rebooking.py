"""After people changed what calls cost: budgets and jobs get the new totals, in the transaction of
the new entries."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from apps.budgets.services import settle_all
from apps.budgets.types import Resolution
from apps.jobs.models import Job
from apps.ledger.models import Attempt, Entry
from apps.registry.models import Deployment
from apps.registry.selectors import valid_prices
from apps.registry.snapshot import price_row
from apps.registry.types import PriceRow


def locked_attempts(ids: Collection[UUID]) -> dict[UUID, Attempt]:
    """In the order of their ids, as everywhere. Read their entries afterwards, not before."""
    rows = Attempt.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    return {row.pk: row for row in rows}


def prices_then(attempt: Attempt) -> list[PriceRow]:
    """The prices that held when it was sent; none for a deployment that is gone."""
    deployment = Deployment.objects.filter(slug=attempt.deployment).first()
    if deployment is None:
        return []
    prices = valid_prices(deployment=deployment, at=attempt.started_at)
    return [price_row(price) for price in prices]


def post_new_totals(*, attempts: Sequence[Attempt], now: datetime) -> None:
    """The attempts must be locked, their new entries written."""
    settle_all(resolutions=_totals(attempts), now=now)
    _book_costs({attempt.job_id for attempt in attempts if attempt.job_id})


def _totals(attempts: Sequence[Attempt]) -> list[Resolution]:
    sums = (
        Entry.objects.order_by()
        .filter(attempt__in=attempts)
        .values("attempt_id")
        .annotate(total=Sum("amount_pico"))
        .values_list("attempt_id", "total")
    )
    return [Resolution(id=id_, actual_pico=int(total)) for id_, total in sums if id_]


def _book_costs(job_ids: Collection[UUID]) -> None:
    """Locked first: a sum that is read before another's entries are committed would lack them."""
    jobs = list(Job.objects.select_for_update().filter(pk__in=job_ids).order_by("pk"))
    entries = Entry.objects.order_by().filter(job_id=OuterRef("pk")).values("job_id")
    total = entries.annotate(total=Sum("amount_pico")).values("total")
    Job.objects.filter(pk__in=[job.pk for job in jobs]).update(
        cost_pico=Coalesce(Subquery(total), 0)
    )
