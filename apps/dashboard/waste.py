"""The waste report: what was spent on answers, on tests, and on nothing; and by whom."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from apps.core.csv_lines import csv_lines
from apps.core.money import Pico, exact_usd
from apps.finance.figures import NOTHING_NAMED, Delta, delta
from apps.ledger.models import Purpose
from apps.ledger.reports import Days
from apps.ledger.usage import Usage, usage_rows


@dataclass(frozen=True)
class Column:
    """Purposes that are shown as one amount, and who bears it."""

    label: str
    purposes: tuple[str, ...]
    borne_by: str
    is_waste: bool = False


CALLER = "the service that called"
COLUMNS = (
    Column("Answers", ("", Purpose.ANSWER), CALLER),
    Column("Answers by a retry", (Purpose.RETRY,), CALLER),
    Column("Answers by a fallback", (Purpose.FALLBACK,), CALLER),
    Column("Answers by a hedge", (Purpose.HEDGE,), CALLER),
    Column("Outrun by a hedge, or as one", (Purpose.OUTRUN,), CALLER, is_waste=True),
    Column("No answer", (Purpose.FAILED,), CALLER, is_waste=True),
    Column("Too late", (Purpose.LATE,), CALLER, is_waste=True),
    Column("Shadow copies", (Purpose.SHADOW,), "the service that the route names as payer"),
    Column("Similar questions", (Purpose.SIMILAR,), CALLER),
    Column(
        "Tests",
        (Purpose.EVALUATION, Purpose.PLAYGROUND),
        "the service that evaluates or plays",
    ),
)


@dataclass(frozen=True)
class Amounts:
    """Pico-USD for each of `COLUMNS`."""

    values: tuple[Pico, ...] = (0,) * len(COLUMNS)

    def __add__(self, other: "Amounts") -> "Amounts":
        return Amounts(tuple(a + b for a, b in zip(self.values, other.values, strict=True)))

    @property
    def total(self) -> Pico:
        return sum(self.values)

    @property
    def wasted(self) -> Pico:
        pairs = zip(COLUMNS, self.values, strict=True)
        return sum(value for column, value in pairs if column.is_waste)

    @property
    def share(self) -> float:
        """Wasted, of everything that was spent; 0 to 1."""
        return max(self.wasted, 0) / self.total if self.total > 0 else 0


@dataclass(frozen=True)
class WasteReport:
    days: Days
    dimension: str
    rows: list[tuple[str, Amounts]]
    """Most wasted first."""
    total: Amounts
    before: Pico  # wasted in as many days before
    calls: Mapping[str, int]  # column's label → requests
    columns: tuple[Column, ...] = field(default=COLUMNS)

    @property
    def change(self) -> Delta:
        return delta(self.total.wasted, self.before, more_is="worse")

    @property
    def used(self) -> list[Column]:
        """Those that anything was called for, or spent on."""
        return [column for column, calls, amount, _ in self.lines if calls or amount]

    @property
    def table(self) -> list[tuple[str, Amounts, list[Pico]]]:
        """(group, all its amounts, those of `used`); the last is the total."""
        at = [COLUMNS.index(column) for column in self.used]
        rows = [*self.rows, ("Total", self.total)]
        return [(name, amounts, [amounts.values[n] for n in at]) for name, amounts in rows]

    @property
    def lines(self) -> list[tuple[Column, int, Pico, float]]:
        """(column, requests, amount, share of everything spent)"""
        whole = self.total.total
        return [
            (column, self.calls[column.label], value, value / whole if whole > 0 else 0)
            for column, value in zip(COLUMNS, self.total.values, strict=True)
        ]


def waste_report(*, days: Days, dimension: str) -> WasteReport:
    """Reads two sums of the ledger, whatever the number of groups."""
    groups = _groups(days, dimension)
    rows = [(name or NOTHING_NAMED, _amounts(found)) for name, found in groups.items()]
    total = sum((amounts for _, amounts in rows), Amounts())
    return WasteReport(
        days=days,
        dimension=dimension,
        rows=sorted(rows, key=lambda row: (-row[1].wasted, -row[1].total, row[0])),
        total=total,
        before=sum(_amounts(found).wasted for found in _groups(days.before, "service").values()),
        calls={column.label: _requests(groups, column) for column in COLUMNS},
    )


def waste_csv(*, days: Days, dimension: str, now: datetime) -> Iterator[str]:
    """The report as CSV lines, amounts exact."""
    report = waste_report(days=days, dimension=dimension)
    yield from csv_lines(
        [
            ["waste report", f"{days.first} to {days.last}", f"days in {days.zone}", "USD"],
            ["generated", now.isoformat(timespec="seconds")],
            [dimension, *(column.label for column in COLUMNS), "wasted", "total"],
        ]
    )
    rows = [*report.rows, ("total", report.total)]
    yield from csv_lines([name, *_cells(amounts)] for name, amounts in rows)


def _cells(amounts: Amounts) -> list[str]:
    return [exact_usd(value) for value in (*amounts.values, amounts.wasted, amounts.total)]


def _groups(days: Days, dimension: str) -> dict[str, dict[str, Usage]]:
    """Group → purpose → sums."""
    groups: dict[str, dict[str, Usage]] = {}
    for row in usage_rows(days=days, group_by=(dimension, "purpose")):
        name, purpose = map(str, row.keys)
        groups.setdefault(name, {})[purpose] = row.usage
    return groups


def _amounts(found: Mapping[str, Usage]) -> Amounts:
    return Amounts(
        tuple(
            sum(found.get(purpose, Usage()).amount_pico for purpose in column.purposes)
            for column in COLUMNS
        )
    )


def _requests(groups: Mapping[str, Mapping[str, Usage]], column: Column) -> int:
    return sum(
        found.get(purpose, Usage()).requests
        for found in groups.values()
        for purpose in column.purposes
    )
