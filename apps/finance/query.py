"""A question about costs, as one value: what page, API, file and saved view ask."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast
from urllib.parse import urlencode

from apps.finance.dimensions import Dimension, dimension_of
from apps.finance.ranges import before, year_before
from apps.ledger.models.rollup_keys import FULL_KEY
from apps.ledger.reports import Days

Period = Literal["hour", "day", "month"]
GRAINS = ("", "hour", "day", "month")
# What is compared with → its days.
COMPARISONS: Mapping[str, Callable[[Days], Days] | None] = {
    "before": before,
    "year": year_before,
    "none": None,
}
METRICS = ("cost", "calls", "tokens")
UNATTRIBUTED = "(none)"
# More bars than these are no picture, and more entries than these no page.
LONGEST: dict[Period, int] = {"hour": 7, "day": 366, "month": 1830}  # days
LONGEST_OF_ENTRIES = 31  # days, of dimensions that no rollup has


@dataclass(frozen=True, slots=True)
class Query:
    """`days`, both included, in the reporting zone; `range` is the preset that they come from, or
    empty. `group_by`: one or two dimensions. `filters`: dimension → values, one of which an entry
    must have; the empty one means unattributed. Made by `parsing.parse`."""

    days: Days
    range: str = ""
    group_by: tuple[str, ...] = ("service",)
    grain: str = ""
    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    compare: str = "before"
    metric: str = "cost"

    @property
    def period(self) -> Period:
        """The grain, or the one that gives a readable number of bars."""
        if self.grain:
            return cast(Period, self.grain)
        return "hour" if self.days.count <= 2 else "day" if self.days.count <= 92 else "month"

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        return tuple(_known(name) for name in self.group_by)

    @property
    def filtered(self) -> tuple[tuple[Dimension, tuple[str, ...]], ...]:
        return tuple((_known(name), values) for name, values in self.filters)

    @property
    def reads_entries(self) -> bool:
        """Whether dimensions are asked for that no rollup has: tags other than the project."""
        used = (*self.dimensions, *(dimension for dimension, _ in self.filtered))
        return not {dimension.key for dimension in used}.issubset(FULL_KEY)

    @property
    def days_before(self) -> Days | None:
        """What the days are compared with."""
        compared = COMPARISONS[self.compare]
        return compared(self.days) if compared else None

    def with_filter(self, name: str, *values: str) -> "Query":
        """In place of what `name` was filtered by; without values, not filtered by it."""
        kept = {key: found for key, found in self.filters if key != name}
        if values:
            kept[name] = tuple(sorted(values))
        return replace(self, filters=tuple(sorted(kept.items())))

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The one way to write this question as an address; what goes without saying is left
        out."""
        days: list[tuple[str, Any]] = [("from", self.days.first), ("to", self.days.last)]
        said = [("range", self.range)] if self.range else days
        said += [("grain", self.grain)] if self.grain else []
        said += [("group_by", name) for name in self.group_by]
        said += [(key, value or UNATTRIBUTED) for key, found in self.filters for value in found]
        said += [("compare", self.compare)] if self.compare != "before" else []
        said += [("metric", self.metric)] if self.metric != "cost" else []
        return [(name, str(value)) for name, value in said]

    @property
    def address(self) -> str:
        return urlencode(self.parameters)


def _known(name: str) -> Dimension:
    dimension = dimension_of(name)
    if dimension is None:
        raise KeyError(name)
    return dimension
