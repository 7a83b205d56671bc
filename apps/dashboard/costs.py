"""The cost report: what the page, its chart and its export show."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from apps.core.charts import Series, StackedBars
from apps.core.csv_lines import csv_lines
from apps.core.money import Pico, exact_usd
from apps.dashboard.figures import (
    NOTHING_NAMED,
    Delta,
    axis_usd,
    delta,
    layers,
    mark_usd,
    split_usd,
)
from apps.ledger.reports import Days, DaySpend, Spend, spend_by_day, spend_by_group, total_spent

GROUPS = {
    "service": "Service",
    "model": "Model",
    "prompt": "Prompt",
    "cost_center": "Cost centre",
    "team": "Team",
    "provider": "Provider",
    "purpose": "Purpose",
}
COLUMNS = (
    "day",
    "{group}",
    "calls",
    "cached",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "saved_by_cache_usd",
)


@dataclass(frozen=True)
class Row:
    """One group of the table."""

    label: str
    spend: Spend
    amount: tuple[str, str]
    share: float  # of the period's total, 0 to 1
    before: Pico
    change: Delta
    ledger_url: str


@dataclass(frozen=True)
class CostReport:
    days: Days
    dimension: str
    rows: list[Row]
    total: Spend
    total_before: Pico
    drift: Pico  # the ledger's own total minus the table's: 0, or the report is wrong
    series: list[Series]

    @property
    def total_amount(self) -> tuple[str, str]:
        return split_usd(self.total.amount_pico)

    @property
    def change(self) -> Delta:
        return delta(self.total.amount_pico, self.total_before, more_is="worse")


def cost_report(*, days: Days, dimension: str) -> CostReport:
    """Reads four sums of the ledger, whatever the number of groups."""
    by_day = spend_by_day(days=days, dimension=dimension)
    groups = _by_group(by_day)
    before = spend_by_group(days=days.before, dimension=dimension)
    total = sum(groups.values(), Spend())
    return CostReport(
        days=days,
        dimension=dimension,
        rows=_rows(groups, before, total, days, dimension),
        total=total,
        total_before=sum(spend.amount_pico for spend in before.values()),
        drift=total_spent(days=days) - total.amount_pico,
        series=layers(by_day, days.all, {name: s.amount_pico for name, s in groups.items()}),
    )


def cost_chart(report: CostReport, *, today: date) -> StackedBars:
    return StackedBars(
        title=f"Spend by day and {GROUPS[report.dimension].lower()}",
        labels=[f"{day:%-d %b}" for day in report.days.all],
        series=report.series,
        format=mark_usd,
        axis=axis_usd,
        open_last=report.days.last == today,
    )


def cost_csv(*, days: Days, dimension: str, now: datetime) -> Iterator[str]:
    """The report as CSV lines: what it is about first, then a row for each day and group, then
    the total. Amounts are exact; cells that a spreadsheet would compute are defused."""
    rows = spend_by_day(days=days, dimension=dimension)
    yield from csv_lines(
        [
            ["cost report", f"{days.first} to {days.last}", f"days in {days.zone}", "USD"],
            ["generated", now.isoformat(timespec="seconds")],
            [column.format(group=dimension) for column in COLUMNS],
        ]
    )
    yield from csv_lines([str(row.day), row.group, *_cells(row.spend)] for row in rows)
    yield from csv_lines([["total", "", *_cells(sum((row.spend for row in rows), Spend()))]])


def _by_group(rows: Iterable[DaySpend]) -> dict[str, Spend]:
    groups: dict[str, Spend] = {}
    for row in rows:
        groups[row.group] = groups.get(row.group, Spend()) + row.spend
    return groups


def _rows(
    groups: dict[str, Spend], before: dict[str, Spend], total: Spend, days: Days, dimension: str
) -> list[Row]:
    ranked = sorted(groups.items(), key=lambda pair: (-pair[1].amount_pico, pair[0]))
    return [
        Row(
            label=name or NOTHING_NAMED,
            spend=spend,
            amount=split_usd(spend.amount_pico),
            share=spend.amount_pico / total.amount_pico if total.amount_pico > 0 else 0,
            before=(was := before.get(name, Spend()).amount_pico),
            change=delta(spend.amount_pico, was, more_is="worse"),
            ledger_url=_ledger_url(days, {dimension: name}),
        )
        for name, spend in ranked
    ]


def _ledger_url(days: Days, filters: dict[str, str]) -> str:
    """The ledger's list with the same rows, whatever the zone that it shows times in."""
    if days.zone == settings.TIME_ZONE:
        period = {"from": str(days.first), "to": str(days.last)}
    else:
        start, end = days.bounds
        period = {"time": "all", "at__gte": start.isoformat(), "at__lt": end.isoformat()}
    return f"{reverse('admin:ledger_entry_changelist')}?{urlencode(filters | period)}"


def _cells(spend: Spend) -> list[str]:
    counts = (spend.calls, spend.cached, spend.input_tokens, spend.output_tokens)
    return [*map(str, counts), exact_usd(spend.amount_pico), exact_usd(spend.avoided_pico)]
