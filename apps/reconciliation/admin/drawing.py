"""The bridge from our books to their statement."""

from collections.abc import Mapping
from dataclasses import dataclass

from apps.core.chart_marks import Number
from apps.core.charts import Waterfall
from apps.core.money import Pico, short_usd
from apps.reconciliation.models import Statement
from apps.reconciliation.types import ABOUT, Column


@dataclass(frozen=True)
class Step:
    column: Column
    amount: Pico

    @property
    def label(self) -> str:
        return ABOUT[self.column][0]

    @property
    def about(self) -> str:
        return ABOUT[self.column][1]


def steps_of(columns: Mapping[Column, Pico]) -> list[Step]:
    """Every column, those of nothing too: nothing is hidden."""
    return [Step(column, columns[column]) for column in Column]


def bridge_of(statement: Statement, steps: list[Step]) -> Waterfall:
    return Waterfall(
        title="From our books to their statement",
        first=("Ours", statement.ours_pico),
        steps=[(step.label, step.amount) for step in steps if step.amount],
        last="Theirs",
        format=_mark,
        axis=_axis,
    )


def _mark(value: Number) -> str:
    return short_usd(int(value))


def _axis(value: Number) -> str:
    """Cents are as fine as an axis can be read."""
    cents = 10**10
    return short_usd(round(value / cents) * cents) if abs(value) >= cents else short_usd(int(value))
