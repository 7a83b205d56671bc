"""What becomes of rows: each attempt is settled once, each job ended once, whoever comes first.

A crash between two transactions leaves rows open that are taken up again: settling an attempt, or
ending a job, a second time changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db import transaction
from django.db.models.functions import Now

from apps.gateway.accounts import Settlement, settler
from apps.jobs.models import ProviderBatchRow
from apps.jobs.services.finish import end_all, finish_all
from apps.jobs.types import Ending, Ticket

CHUNK = 200  # rows of one transaction


@dataclass(frozen=True, slots=True)
class RowEnd:
    """`ending`: what its job gets, None when it is answered. `outcome` "": it may still become
    known, only the job goes on."""

    row: ProviderBatchRow
    settlement: Settlement
    outcome: str
    ending: Ending | None = None


def ticket_of(row: ProviderBatchRow) -> Ticket:
    return Ticket(row.job_id, row.fence)


def settle_rows(ends: Sequence[RowEnd]) -> None:
    """Some at a time. Answered ones apart: a transaction locks its jobs in one go."""
    answered = [end for end in ends if end.ending is None]
    others = [end for end in ends if end.ending is not None]
    for group, book in ((answered, _book_answers), (others, _book_others)):
        for start in range(0, len(group), CHUNK):
            book(group[start : start + CHUNK])


@transaction.atomic
def _book_answers(ends: Sequence[RowEnd]) -> None:
    settler(finish_all)([end.settlement for end in ends])
    _mark(ends)


@transaction.atomic
def _book_others(ends: Sequence[RowEnd]) -> None:
    settler(None)([replace(end.settlement, completion=None) for end in ends])
    end_all([end.ending for end in ends if end.ending is not None])
    _mark(ends)


def _mark(ends: Sequence[RowEnd]) -> None:
    for outcome in {end.outcome for end in ends}:
        ids = [end.row.pk for end in ends if end.outcome == outcome]
        rows = ProviderBatchRow.objects.filter(pk__in=ids)
        rows.filter(left_at=None).update(left_at=Now())
        if outcome:
            rows.update(outcome=outcome, line="")
