"""Comparing a statement with the books, and keeping what came of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.reconciliation.books import our_side
from apps.reconciliation.claims import Claims, by_day_and_model, claims_of
from apps.reconciliation.errors import ReconciliationRefused
from apps.reconciliation.models import DayBasis, Difference, Statement, StatementStatus
from apps.reconciliation.standing import booked_keys
from apps.reconciliation.types import Column, Row, Side
from apps.reconciliation.variance import compare

_KEPT = (
    *("day", "model", "meter", "ours_pico", "theirs_pico"),
    *("ours_quantity", "theirs_quantity", "ours_calls", "theirs_calls"),
)


@transaction.atomic
def compare_again(*, statement_id: UUID, now: datetime) -> Statement:
    """With the books as they are now. Raises `ReconciliationRefused` for one that is settled."""
    statement = locked(statement_id, StatementStatus.DRAFT, StatementStatus.OPEN)
    keep_comparison(statement, now=now)
    return statement


def locked(statement_id: UUID, *statuses: StatementStatus) -> Statement:
    """For the rest of the transaction. Raises `ReconciliationRefused` unless it has one of them."""
    rows = Statement.objects.select_related("provider").select_for_update(of=("self",))
    statement = rows.get(pk=statement_id)
    if statement.status not in statuses:
        raise ReconciliationRefused(f"{statement} is {statement.get_status_display().lower()}.")
    return statement


def what_is_kept(statement: Statement) -> tuple[str, set[tuple[Any, ...]]]:
    """All that the last comparison found, to hold another one against it."""
    columns = (*_KEPT, *(f"{column}_pico" for column in Column))
    rows = statement.differences.exclude(ours_pico=0, theirs_pico=0, difference_pico=0)
    return statement.day_basis, set(rows.values_list(*columns))


def keep_comparison(statement: Statement, *, now: datetime) -> None:
    """Inside a transaction that has locked it."""
    claims = claims_of(statement)
    statement.day_basis, rows = _closest(statement, claims)
    made = [_difference(statement, row, claims.repeated.get(row.key, 0)) for row in rows]
    statement.differences.all().delete()
    Difference.objects.bulk_create(made, batch_size=1000)
    statement.compared_at = now
    statement.ours_pico = sum(one.ours_pico for one in made)
    statement.theirs_pico = sum(one.theirs_pico for one in made)
    statement.save(update_fields=["compared_at", "day_basis", "ours_pico", "theirs_pico"])


def _closest(statement: Statement, claims: Claims) -> tuple[str, list[Row]]:
    """By the days on which calls were sent or ended, whichever agrees better; where both agree as
    well, as the provider's last statement was."""
    usual = _usual_basis(statement)
    other = DayBasis.SENT if usual == DayBasis.ENDED else DayBasis.ENDED
    rows = _rows(statement, claims, usual)
    if not any(distance := _distance(rows, statement.grain_pico)):
        return usual, rows
    others = _rows(statement, claims, other)
    if _distance(others, statement.grain_pico) < distance:
        return other, others
    return usual, rows


def _usual_basis(statement: Statement) -> DayBasis:
    rows = Statement.objects.filter(provider=statement.provider_id, last_day__lt=statement.last_day)
    imported = rows.exclude(status__in=[StatementStatus.DRAFT, StatementStatus.VOID])
    last = imported.order_by("-last_day").values_list("day_basis", flat=True).first()
    return DayBasis(last or DayBasis.SENT)


def _distance(rows: list[Row], grain: int) -> tuple[int, int]:
    """What amounts differ by beyond what rounding to the grain explains, or cents would decide;
    then what quantities differ by, which nobody rounds."""
    amounts = sum(max(0, 2 * abs(row.difference) - _grains(row, grain)) for row in rows)
    quantities = sum(
        abs(row.theirs.quantity - ((row.ours.quantity if row.ours else 0) or 0))
        for row in rows
        if row.theirs and row.theirs.quantity is not None
    )
    return amounts, quantities


def _grains(row: Row, grain: int) -> int:
    """Twice what rounding explains: half a grain a line; what is less may have no line."""
    return grain * max(1, row.theirs.lines if row.theirs else 0)


def _rows(statement: Statement, claims: Claims, basis: DayBasis) -> list[Row]:
    first, last = statement.first_day, statement.last_day
    ours = our_side(provider=statement.provider, first=first, last=last, basis=basis)
    if not claims.has_meters:
        ours = by_day_and_model(ours)
    # what was booked under words that mean something else now must be seen, and taken back
    ours |= {key: Side(0) for key in booked_keys(statement) - {*ours}}
    return compare(
        ours=ours, theirs=claims.sides, repeated=claims.repeated, grain=statement.grain_pico
    )


def _difference(statement: Statement, row: Row, repeated: int) -> Difference:
    ours, theirs = row.ours or Side(0), row.theirs or Side(0)
    return Difference(
        statement=statement,
        day=row.key.day,
        model=row.key.model,
        meter=row.key.meter,
        ours_pico=ours.amount_pico,
        theirs_pico=theirs.amount_pico + repeated,
        ours_quantity=ours.quantity,
        theirs_quantity=theirs.quantity,
        ours_calls=ours.calls,
        theirs_calls=theirs.calls,
        difference_pico=row.difference,
        **{f"{column}_pico": amount for column, amount in row.columns.items()},
    )
