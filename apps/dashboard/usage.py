"""The usage report of the admin: the numbers of `GET /api/v1/usage/report`, with a chart by day."""

from dataclasses import dataclass
from datetime import date

from apps.core.chart_marks import Number
from apps.core.charts import Series, StackedBars
from apps.finance.figures import NOTHING_NAMED, layers
from apps.ledger.reports import Days
from apps.ledger.usage import Usage, usage_rows

GROUPS = {
    "service": "Service",
    "model": "Model",
    "prompt": "Prompt",
    "cost_center": "Cost centre",
    "team": "Team",
    "provider": "Provider",
    "purpose": "Purpose",
}


@dataclass(frozen=True)
class Row:
    label: str
    usage: Usage
    share: float  # of the period's tokens, 0 to 1


@dataclass(frozen=True)
class UsageReport:
    days: Days
    dimension: str
    rows: list[Row]
    total: Usage
    series: list[Series]


def usage_report(*, days: Days, dimension: str) -> UsageReport:
    """Reads one sum of the ledger, whatever the number of groups."""
    by_day: dict[str, dict[date, Usage]] = {}
    for row in usage_rows(days=days, period="day", group_by=(dimension,)):
        day, name = row.keys
        by_day.setdefault(str(name), {})[day] = row.usage  # type: ignore[index]
    groups = {name: sum(found.values(), Usage()) for name, found in by_day.items()}
    ranked = sorted(groups, key=lambda name: (-groups[name].tokens, name))
    total = sum(groups.values(), Usage())
    return UsageReport(
        days=days,
        dimension=dimension,
        rows=[_row(name, groups[name], total) for name in ranked],
        total=total,
        series=layers(_tokens_by_day(by_day, days.all)),
    )


def usage_chart(report: UsageReport, *, today: date) -> StackedBars:
    return StackedBars(
        title=f"Tokens by day and {GROUPS[report.dimension].lower()}",
        labels=[f"{day:%-d %b}" for day in report.days.all],
        series=report.series,
        format=_tokens,
        axis=_tokens,
        open_at=report.days.count - 1 if report.days.last == today else None,
    )


def _row(name: str, usage: Usage, total: Usage) -> Row:
    share = usage.tokens / total.tokens if total.tokens > 0 else 0
    return Row(name or NOTHING_NAMED, usage, share)


def _tokens_by_day(groups: dict[str, dict[date, Usage]], days: list[date]) -> dict[str, list[int]]:
    """Never negative: a day on which more was corrected than used has no bar."""
    return {
        name or NOTHING_NAMED: [max(0, found.get(day, Usage()).tokens) for day in days]
        for name, found in groups.items()
    }


def _tokens(value: Number) -> str:
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:,.0f}"
