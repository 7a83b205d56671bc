"""Our side: what the ledger has for a provider, by day of UTC, model and meter, from the price
lines that were frozen when each call was booked.

All entries of a call count on one day, corrections that were booked much later included, as a
provider knows one day of a call: the one on which it was sent, or ended (`models.DayBasis`).
Adjustments and credits count on the day that they were asked for; those that follow from decisions
about differences are not part of this side: they settle what it differs by.
"""

from collections import defaultdict
from datetime import date

from apps.core.money import Pico
from apps.ledger.calls import CallSums, sums_of_calls
from apps.ledger.models import Adjustment, AdjustmentKind, AdjustmentStatus
from apps.reconciliation.models import DayBasis, Decision, Statement
from apps.reconciliation.types import Key, Side, meter_of
from apps.registry.models import Provider


def our_side(
    *, provider: Provider, first: date, last: date, basis: str = DayBasis.SENT
) -> dict[Key, Side]:
    """Exact at this moment, however many entries there are (`ledger.calls`)."""
    rows = _calls(provider, first, last, basis)
    calls: dict[tuple[date, str], int] = defaultdict(int)
    for row in rows:
        calls[row.day, row.model] += row.calls
    found: dict[Key, Side] = {}
    for row in rows:
        key = Key(row.day, row.model, meter_of(row.usage_class))
        side = Side(row.amount_pico, row.quantity, calls[row.day, row.model], row.lines)
        if row.lines:
            found[key] = added(found.get(key), side)
    for key, amount in _adjusted(provider, first, last):
        found[key] = added(found.get(key), Side(amount))
    return {key: side for key, side in found.items() if side.amount_pico or side.quantity}


def our_total(*, provider: Provider, first: date, last: date, basis: str = DayBasis.SENT) -> Pico:
    """The sum of `our_side`, without its detail."""
    booked = sum(row.amount_pico for row in _calls(provider, first, last, basis))
    return booked + sum(amount for _, amount in _adjusted(provider, first, last))


def books_changed(statement: Statement) -> bool:
    """Whether our side comes to another amount than when the statement was compared."""
    days = {"first": statement.first_day, "last": statement.last_day}
    ours = our_total(provider=statement.provider, **days, basis=statement.day_basis)
    return bool(ours != statement.ours_pico)


def _calls(provider: Provider, first: date, last: date, basis: str) -> list[CallSums]:
    by_end = DayBasis(basis) == DayBasis.ENDED
    return sums_of_calls(provider=provider.slug, first=first, last=last, by_end=by_end)


def added(one: Side | None, other: Side) -> Side:
    """Of one key: calls are those of all its meters, and are not added up."""
    if one is None:
        return other
    known = one.quantity is not None and other.quantity is not None
    return Side(
        amount_pico=one.amount_pico + other.amount_pico,
        quantity=(one.quantity or 0) + (other.quantity or 0) if known else None,
        calls=other.calls if one.calls is None else max(one.calls, other.calls or 0),
        lines=one.lines + other.lines,
    )


def _adjusted(provider: Provider, first: date, last: date) -> list[tuple[Key, int]]:
    """What people booked by hand, such as a credit for an outage."""
    decided = Decision.objects.filter(adjustment__isnull=False).values("adjustment")
    rows = Adjustment.objects.filter(
        provider=provider.slug,
        day__range=(first, last),
        status=AdjustmentStatus.APPROVED,
    ).exclude(pk__in=decided)
    return [
        (
            Key(row.day, row.model, "credit" if row.kind == AdjustmentKind.CREDIT else "other"),
            row.amount_pico,
        )
        for row in rows
    ]
