"""Prices that a source suggests wait for a person."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.core.money import Pico
from apps.registry.models import Deployment, Price, PriceProposal
from apps.registry.selectors import valid_prices
from apps.registry.services.prices import PriceRefused, set_price
from apps.registry.types import ProposedPrice

SUPERSEDED = "(newer proposal)"


@transaction.atomic
def propose_prices(*, rows: Iterable[ProposedPrice], now: datetime) -> tuple[ProposedPrice, ...]:
    """Store those that are news, and give them back.

    No news is what equals the price that holds, or an open proposal. A proposal that differs
    from an open one replaces it.
    """
    wanted = list(rows)
    deployments = {
        row.slug: row
        for row in Deployment.objects.select_for_update(no_key=True)
        .filter(slug__in={row.deployment for row in wanted})
        .order_by("pk")
    }
    return tuple(row for row in wanted if _propose(deployments[row.deployment], row, now))


@transaction.atomic
def approve_proposal(*, proposal: PriceProposal, by: str, now: datetime) -> Price:
    """Make it the price from now on.

    Raises `PriceRefused` when it was decided already, or when the price that the approver saw
    beside it holds no more.
    """
    locked = _lock_open(proposal)
    if locked.current_pico != _comparable(_holding(locked.deployment, locked, now), locked):
        raise PriceRefused(f"The price of {locked} has changed since; import again.")
    price = set_price(
        deployment=locked.deployment,
        usage_class=locked.usage_class,
        price_pico=locked.proposed_pico,
        per_block=locked.per_block,
        source=locked.source,
        now=now,
        service_tier=locked.service_tier,
        min_input_tokens=locked.min_input_tokens,
    )
    _decide(locked, PriceProposal.Status.APPROVED, by, now)
    return price


@transaction.atomic
def approve_all(*, by: str, now: datetime) -> list[Price]:
    """Approve every open proposal, or, when one is refused (`PriceRefused`), none."""
    opened = PriceProposal.objects.filter(status=PriceProposal.Status.OPEN)
    rows = opened.order_by("deployment_id", "pk")
    return [approve_proposal(proposal=row, by=by, now=now) for row in rows]


@transaction.atomic
def reject_proposal(*, proposal: PriceProposal, by: str, now: datetime) -> None:
    """Leave the price as it is. Raises `PriceRefused` when it was decided already."""
    _decide(_lock_open(proposal), PriceProposal.Status.REJECTED, by, now)


def _propose(deployment: Deployment, row: ProposedPrice, now: datetime) -> bool:
    valid = _holding(deployment, row, now)
    if valid and (valid.price_pico, valid.per_block) == (row.price_pico, row.per_block):
        return False
    opened = PriceProposal.objects.filter(
        deployment=deployment, status=PriceProposal.Status.OPEN, **_kind(row)
    ).first()
    current = _comparable(valid, row)
    if opened is not None:
        if _same(opened, row, current):
            return False
        _decide(opened, PriceProposal.Status.REJECTED, SUPERSEDED, now)
    PriceProposal.objects.create(
        deployment=deployment,
        **_kind(row),
        current_pico=current,
        proposed_pico=row.price_pico,
        per_block=row.per_block,
        source=row.source,
    )
    return True


def _same(opened: PriceProposal, row: ProposedPrice, current: Pico | None) -> bool:
    return (opened.proposed_pico, opened.per_block, opened.current_pico) == (
        row.price_pico,
        row.per_block,
        current,
    )


def _holding(
    deployment: Deployment, wanted: ProposedPrice | PriceProposal, now: datetime
) -> Price | None:
    rows = valid_prices(deployment=deployment, at=now)
    return next((row for row in rows if _kind(row) == _kind(wanted)), None)


def _comparable(holding: Price | None, wanted: ProposedPrice | PriceProposal) -> Pico | None:
    """The price that holds, if it is for the same block, so that the two can be compared."""
    same_block = holding is not None and holding.per_block == wanted.per_block
    return holding.price_pico if holding is not None and same_block else None


def _kind(row: ProposedPrice | PriceProposal | Price) -> dict[str, Any]:
    return {
        "usage_class": row.usage_class,
        "service_tier": row.service_tier,
        "min_input_tokens": row.min_input_tokens,
    }


def _lock_open(proposal: PriceProposal) -> PriceProposal:
    # The deployment first, as everywhere that prices are written, so that nobody deadlocks.
    Deployment.objects.select_for_update(no_key=True).get(pk=proposal.deployment_id)
    locked = (
        PriceProposal.objects.select_for_update(of=("self",))
        .select_related("deployment")
        .get(pk=proposal.pk)
    )
    if locked.status != PriceProposal.Status.OPEN:
        raise PriceRefused(f"The proposal for {locked} is decided already: {locked.status}.")
    return locked


def _decide(proposal: PriceProposal, status: str, by: str, now: datetime) -> None:
    proposal.status = status
    proposal.decided_by = by
    proposal.decided_at = now
    proposal.save(update_fields=["status", "decided_by", "decided_at", "updated_at"])
