"""Deciding about differences: accept them, which asks for adjustments, or explain them."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from apps.core.money import Pico, exact_usd
from apps.ledger.adjusting import request_adjustment
from apps.ledger.models import Adjustment, AdjustmentKind
from apps.ledger.months import start_of_month
from apps.reconciliation.errors import ReconciliationRefused
from apps.reconciliation.models import (
    Choice,
    Decision,
    Difference,
    Statement,
    StatementStatus,
)
from apps.reconciliation.services.comparing import locked
from apps.reconciliation.standing import Settled, key_of, open_amount, settled
from apps.reconciliation.types import UNMATCHED
from apps.registry.models import Model

_LARGEST = 2**63


@dataclass(frozen=True, slots=True)
class Wish:
    """An adjustment that would be asked for: the open differences of a month, model and kind
    together, dated to the last of their days."""

    kind: str
    day: date
    model: str
    amount_pico: Pico
    rows: tuple[tuple[Difference, Pico], ...]


def wishes(statement: Statement, ids: Collection[int]) -> list[Wish]:
    """What booking these differences would ask for; those without an open amount are left out."""
    groups: dict[tuple[date, str, str], list[tuple[Difference, Pico]]] = defaultdict(list)
    for row, amount in _open(statement, ids):
        model = "" if row.meter == UNMATCHED else row.model
        kind = _kind(row, amount)
        groups[start_of_month(row.day), model, kind].append((row, amount))
    known = set(Model.objects.values_list("slug", flat=True))
    return [
        Wish(
            kind=kind,
            day=max(row.day for row, _ in rows),
            model=model if model in known else "",
            amount_pico=sum(amount for _, amount in rows),
            rows=tuple(rows),
        )
        for (_, model, kind), rows in sorted(groups.items(), key=lambda item: item[0])
    ]


@transaction.atomic
def accept(
    *,
    statement_id: UUID,
    ids: Collection[int],
    reason: str,
    by: Any,
    now: datetime,
    cost_center: str = "",
) -> list[Decision]:
    """Ask for the adjustments that make our books say what the statement says of these differences;
    another person approves them, and then they are booked (late ones in the open month).

    Raises: `ReconciliationRefused`; `django.core.exceptions.ValidationError`.
    """
    statement = locked(statement_id, StatementStatus.OPEN)
    found = wishes(statement, ids)
    _refuse_nothing(found)
    made: list[Decision] = []
    for wish in found:
        adjustment = _asked(statement, wish, reason, by, now, cost_center)
        made += _decided(statement, wish.rows, Choice.BOOK, reason, by, now, adjustment)
    return made


@transaction.atomic
def explain(
    *, statement_id: UUID, ids: Collection[int], reason: str, by: Any, now: datetime
) -> list[Decision]:
    """Say why these differ, and book nothing. Raises: `ReconciliationRefused`."""
    statement = locked(statement_id, StatementStatus.OPEN)
    rows = _open(statement, ids)
    _refuse_nothing(rows)
    return _decided(statement, rows, Choice.EXPLAIN, reason, by, now, None)


def _refuse_nothing(found: Collection[object]) -> None:
    if not found:
        raise ReconciliationRefused("Nothing of these differences is open: choose others.")


def _open(statement: Statement, ids: Collection[int]) -> list[tuple[Difference, Pico]]:
    done = settled(statement)
    rows = statement.differences.filter(pk__in=ids).order_by("day", "model", "meter")
    amounts = ((row, open_amount(row, done.get(key_of(row), Settled()))) for row in rows)
    return [(row, amount) for row, amount in amounts if amount]


def _kind(row: Difference, amount: Pico) -> str:
    is_credit = row.meter in ("credit", "discount") and amount < 0
    return AdjustmentKind.CREDIT if is_credit else AdjustmentKind.PROVIDER_ADJUSTMENT


def _asked(
    statement: Statement, wish: Wish, reason: str, by: Any, now: datetime, cost_center: str
) -> Adjustment | None:
    """None when the differences cancel out: there is nothing to book."""
    if not wish.amount_pico:
        return None
    if abs(wish.amount_pico) >= _LARGEST:
        text = f"${exact_usd(wish.amount_pico)} is more than an entry holds: book it in parts."
        raise ValidationError(text)
    days = {row.day for row, _ in wish.rows}
    return request_adjustment(
        kind=wish.kind,
        day=wish.day,
        amount_pico=wish.amount_pico,
        provider=statement.provider.slug,
        model=wish.model,
        cost_center=cost_center,
        reference=f"statement {statement}, {_counted(wish.rows, 'difference')} of "
        f"{_counted(days, 'day')}"[:200],
        reason=reason,
        by=by,
        now=now,
    )


def _counted(rows: Collection[object], what: str) -> str:
    return f"{len(rows):,} {what}{'' if len(rows) == 1 else 's'}"


def _decided(
    statement: Statement,
    rows: Iterable[tuple[Difference, Pico]],
    choice: Choice,
    note: str,
    by: Any,
    now: datetime,
    adjustment: Adjustment | None,
) -> list[Decision]:
    return Decision.objects.bulk_create(
        Decision(
            statement=statement,
            provider=statement.provider,
            day=row.day,
            model=row.model,
            meter=row.meter,
            choice=choice,
            amount_pico=amount,
            note=note,
            adjustment=adjustment,
            decided_by=by,
            decided_at=now,
        )
        for row, amount in rows
    )
