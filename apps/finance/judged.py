"""Unusual days with what people said about them: new, acknowledged, or planned."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from apps.finance.anomalies import Anomaly
from apps.finance.models import Acknowledgement, PlannedDays
from apps.ledger.reports import Days


@dataclass(frozen=True)
class Judged:
    """`shown`: those that were not planned, new ones first; `hidden`: how many were planned."""

    shown: list[tuple[Anomaly, Acknowledgement | None]]
    hidden: int
    planned: list[PlannedDays]

    @property
    def new(self) -> int:
        return sum(1 for _, said in self.shown if said is None)

    @property
    def acknowledged(self) -> int:
        return len(self.shown) - self.new


def judged(*, dimension: str, found: Sequence[Anomaly], days: Days) -> Judged:
    """Two small reads. Within new and acknowledged ones, the order stays."""
    planned = PlannedDays.objects.filter(
        dimension=dimension, first__lte=days.last, last__gte=days.first
    )
    said = {
        (one.value, one.day): one
        for one in Acknowledgement.objects.filter(
            dimension=dimension, day__range=(days.first, days.last)
        ).select_related("by")
    }
    plans = list(planned.select_related("by"))
    left = [one for one in found if not _is_planned(plans, one.value, one.day)]
    pairs = [(one, said.get((one.value, one.day))) for one in left]
    shown = sorted(pairs, key=lambda pair: pair[1] is not None)
    return Judged(shown, len(found) - len(left), plans)


def _is_planned(plans: Sequence[PlannedDays], value: str, day: date) -> bool:
    return any(plan.value == value and plan.first <= day <= plan.last for plan in plans)
