"""Unpriced calls, once finance knows their price: ledger, budgets and jobs in one transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from apps.budgets.services import settle_all
from apps.budgets.types import Resolution
from apps.core.clock import db_now
from apps.jobs.models import Job
from apps.ledger.models import Attempt, Entry, EntryKind
from apps.ledger.pricing import Priced, Unpriced, price_usage
from apps.ledger.services import correct_entry
from apps.registry.models import Deployment
from apps.registry.selectors import valid_prices
from apps.registry.snapshot import price_row


@dataclass(frozen=True, slots=True)
class Repriced:
    """How many entries have a price now, and why the others still have none."""

    priced: int
    missing: tuple[str, ...]


@transaction.atomic
def price_again(*, entry_ids: Collection[UUID], reason: str, actor: str) -> Repriced:
    """Book what unpriced entries cost by the prices that held when their calls were sent.

    Each becomes a reversal and a correction; budgets and jobs get the new totals. Entries of other
    kinds, and those that were corrected before, are left out.
    """
    entries = _unpriced(entry_ids)
    now, missing, attempts = db_now(), [], []
    for entry, attempt in entries:
        try:
            priced = _price(entry, attempt)
        except (Unpriced, Deployment.DoesNotExist) as error:
            missing.append(f"{attempt}: {error}")
            continue
        correct_entry(
            entry=entry,
            amount_pico=priced.amount_pico,
            lines=priced.frozen_lines(),
            reason=reason,
            actor=actor,
            now=now,
        )
        attempts.append(attempt)
    if attempts:
        settle_all(resolutions=_totals(attempts), now=now)
        _book_costs({attempt.job_id for attempt in attempts if attempt.job_id})
    return Repriced(len(attempts), tuple(missing))


def _unpriced(entry_ids: Collection[UUID]) -> list[tuple[Entry, Attempt]]:
    """With their attempts, which are locked in the order of their ids, as everywhere."""
    wanted = Entry.objects.filter(pk__in=entry_ids, kind=EntryKind.UNPRICED)
    ids = list(wanted.values_list("attempt_id", flat=True))
    rows = Attempt.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    attempts = {row.pk: row for row in rows}
    open_ = wanted.filter(reversed_by=None).order_by("attempt_id")
    return [(entry, attempts[entry.attempt_id]) for entry in open_ if entry.attempt_id]


def _price(entry: Entry, attempt: Attempt) -> Priced:
    deployment = Deployment.objects.get(slug=entry.deployment)
    prices = valid_prices(deployment=deployment, at=attempt.started_at)
    return price_usage(
        counts={line["usage_class"]: line["quantity"] for line in entry.lines},
        prices={name: price_row(price) for name, price in prices.items()},
    )


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
