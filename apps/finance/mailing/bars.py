"""A letter's chart: bars made of the cells of a table.

Programs that read mail don't show SVG, and most show no picture before somebody allows it. Cells
with a colour are shown by all of them, printed, and read aloud as the table that they are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from apps.core.chart_marks import Number
from apps.core.charts import Series
from apps.finance.drawing import TITLES, count, series_of
from apps.finance.explorer import Exploration
from apps.finance.figures import mark_usd

MOST_BARS = 31  # beyond, seven days are one
_WEEK = 7
# The light colours of the product's charts (skin.css, --l-s1 to --l-s8).
COLOURS = (
    "#2f5bea",
    "#0d9488",
    "#d97706",
    "#db2777",
    "#7c3aed",
    "#65a30d",
    "#0891b2",
    "#9aa3b2",
)


@dataclass(frozen=True)
class BarRow:
    """`segments`: colour and width in percent of the longest bar."""

    label: str
    value: str
    segments: list[tuple[str, int]]

    @property
    def blank(self) -> int:
        return 100 - sum(width for _, width in self.segments)


@dataclass(frozen=True)
class Chart:
    title: str
    legend: list[tuple[str, str]]  # colour, name
    rows: list[BarRow]


def chart_of(exploration: Exploration) -> Chart:
    """Of an exploration by day or month."""
    query = exploration.query
    labels, series = _coarse([bar.label for bar in exploration.bars], series_of(exploration))
    shown: Callable[[Number], str] = mark_usd if query.metric == "cost" else count
    totals = [sum(max(0, one.values[n]) for one in series) for n in range(len(labels))]
    longest = max(totals, default=0)
    group = query.dimensions[0].label.lower()
    return Chart(
        title=f"{TITLES[query.metric]} by {_step(exploration, labels)} and {group}",
        legend=[(COLOURS[one.colour - 1], one.name) for one in series],
        rows=[
            BarRow(label, shown(sum(one.values[n] for one in series)), _cells(series, n, longest))
            for n, label in enumerate(labels)
        ],
    )


def _coarse(labels: list[str], series: list[Series]) -> tuple[list[str], list[Series]]:
    """Seven days as one where there are too many, from the first on."""
    if len(labels) <= MOST_BARS:
        return labels, series
    starts = range(0, len(labels), _WEEK)
    weeks = [labels[n : n + _WEEK] for n in starts]
    summed = [
        replace(one, values=[sum(one.values[n : n + _WEEK]) for n in starts]) for one in series
    ]
    return [f"{week[0]} – {week[-1]}" for week in weeks], summed


def _step(exploration: Exploration, labels: Sequence[str]) -> str:
    return "seven days" if len(labels) < len(exploration.bars) else exploration.query.period


def _cells(series: Sequence[Series], place: int, longest: Number) -> list[tuple[str, int]]:
    """Widths end where the sums so far end, so that they add up; what is too thin is left out."""
    found, sum_so_far, end = [], 0, 0
    for one in series:
        sum_so_far += int(max(0, one.values[place]))
        width = 100 * sum_so_far // int(longest) - end if longest else 0
        if width:
            found.append((COLOURS[one.colour - 1], width))
            end += width
    return found
