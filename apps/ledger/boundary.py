"""The books' boundary, and the months around one that is to change: locked together, so that of
closing and opening one comes after the other, and no entry of the past slips in between.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from django.db import transaction

from apps.ledger.models import Boundary, Period


class ClosingRefused(Exception):
    """The month cannot be closed or opened now; says everything that stands in the way."""

    def __init__(self, period: Period, faults: Iterable[object]) -> None:
        self.faults = [str(fault) for fault in faults]
        super().__init__(f"{period}: {' '.join(self.faults)}")


@dataclass(frozen=True, slots=True)
class Place:
    """A month among the others, all of which are locked."""

    period: Period
    boundary: Boundary
    before: Period | None
    after: Period | None

    def refuse_unless(self, *conditions: tuple[bool, str]) -> None:
        """Raises `ClosingRefused` with the text of each that does not hold."""
        if faults := [fault for holds, fault in conditions if not holds]:
            raise ClosingRefused(self.period, faults)


@transaction.atomic
def change_period(month: date, change: Callable[[Place], None]) -> Period:
    """Keeps what `change` does to the month and to the boundary, or nothing if it raises."""
    boundary = lock_boundary()
    months = {p.month: p for p in Period.objects.select_for_update(of=("self",)).order_by("month")}
    before = max((found for found in months if found < month), default=None)
    after = min((found for found in months if found > month), default=None)
    place = Place(
        months[month],
        boundary,
        months[before] if before else None,
        months[after] if after else None,
    )
    change(place)
    place.period.save()
    boundary.save()
    return place.period


def lock_boundary() -> Boundary:
    """Until the end of the transaction no month is closed or opened, and no entry of the past is
    booked by another one."""
    return Boundary.objects.select_for_update().get()


def is_one_of(period: Period | None, *statuses: str) -> bool:
    """Of a neighbour; one that is not there stands in nobody's way."""
    return period is None or period.status in statuses
