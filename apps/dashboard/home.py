"""The admin's home: 30 days against the 30 before, and what needs somebody."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.safestring import SafeString

from apps.core.chart_marks import Number
from apps.core.charts import StackedBars, sparkline, stacked_bars
from apps.core.money import short_usd
from apps.dashboard.periods import last_days
from apps.dashboard.selectors import ROWS, budgets_nearest_limit, latest_failed_jobs
from apps.finance.figures import NOTHING_NAMED, Delta, axis_usd, delta, layers, mark_usd
from apps.ledger.attempts import DayCalls, calls_by_day
from apps.ledger.latencies import quantile
from apps.ledger.reports import Days, DaySpend, Spend, spend_by_day
from apps.ledger.selectors import open_quarantine
from apps.prompts.selectors import requests_to_decide
from apps.results.admin.alerts import shown_alerts

DAYS = 30


@dataclass(frozen=True)
class Figure:
    label: str
    value: str
    delta: Delta
    spark: SafeString


@dataclass(frozen=True)
class _Sums:
    """Everything that is known about one range of days."""

    spend: Spend
    attempts: int
    failed: int
    p95: timedelta | None

    @property
    def error_rate(self) -> float | None:
        return self.failed / self.attempts if self.attempts else None

    @property
    def hit_rate(self) -> float | None:
        return self.spend.cached / self.spend.calls if self.spend.calls else None

    @property
    def p95_ms(self) -> float | None:
        return _ms(self.p95)


def home_context(*, request: HttpRequest, now: datetime) -> dict[str, Any]:
    """What the home page shows to this person; parts they may not see are not even read."""
    user = request.user
    context: dict[str, Any] = {"zone": settings.REPORTING_TIME_ZONE, "now": now}
    if user.has_perm("ledger.view_entry"):
        context["quarantine"] = open_quarantine()
        context |= _spending(last_days(DAYS, now=now, zone=settings.REPORTING_TIME_ZONE))
    context["alerts"] = shown_alerts(request, now=now)
    context["release_requests"] = list(requests_to_decide(user)[:ROWS])  # type: ignore[arg-type]
    if user.has_perm("budgets.view_budget"):
        context["budgets"] = budgets_nearest_limit(now=now)
    if user.has_perm("jobs.view_job"):
        context["failed_jobs"] = latest_failed_jobs()
    # Who sets budgets but runs no jobs is finance: budgets stand first.
    context["budgets_first"] = user.has_perm("budgets.change_budget") and not user.has_perm(
        "jobs.change_job"
    )
    return context


def _spending(days: Days) -> dict[str, Any]:
    both = Days(days.before.first, days.last, days.zone)
    spends = spend_by_day(days=both, dimension="service")
    calls = calls_by_day(days=both)
    now, before = (_sums(part, spends, calls) for part in (days, days.before))
    recent = [row for row in spends if row.day >= days.first]
    return {
        "is_unused": not spends and not calls,
        "figures": _figures(days, now, before, recent, calls),
        "series": (series := layers(_amounts(recent, days.all))),
        "chart": stacked_bars(
            StackedBars(
                title=f"Spend by service, {DAYS} days",
                labels=[f"{day:%-d %b}" for day in days.all],
                series=series,
                format=mark_usd,
                axis=axis_usd,
                open_at=days.count - 1,
            )
        ),
    }


def _sums(days: Days, spends: Sequence[DaySpend], calls: Sequence[DayCalls]) -> _Sums:
    inside = [row for row in calls if days.first <= row.day <= days.last]
    took: Counter[int] = Counter()
    for row in inside:
        took.update(row.took)
    return _Sums(
        spend=sum((r.spend for r in spends if days.first <= r.day <= days.last), Spend()),
        attempts=sum(row.attempts for row in inside),
        failed=sum(row.failed for row in inside),
        p95=quantile(took, 0.95),
    )


def _figures(
    days: Days, now: _Sums, was: _Sums, spends: Sequence[DaySpend], calls: Sequence[DayCalls]
) -> list[Figure]:
    spend = _daily(days, spends)
    tried = {row.day: row for row in calls}

    def figure(
        label: str, value: str, change: Delta, by_day: Callable[[date], Number | None]
    ) -> Figure:
        values = [by_day(day) or 0 for day in days.all]
        return Figure(label, value, change, sparkline(values, label=f"{label} by day"))

    def worse(name: str) -> Delta:
        return delta(getattr(now, name), getattr(was, name), more_is="worse")

    money, saved = now.spend.amount_pico, now.spend.avoided_pico
    return [
        figure(
            "Spend",
            short_usd(money),
            delta(money, was.spend.amount_pico, more_is="worse"),
            lambda day: spend[day].amount_pico,
        ),
        figure(
            "Calls",
            f"{now.spend.calls:,}",
            delta(now.spend.calls, was.spend.calls, more_is="better"),
            lambda day: spend[day].calls,
        ),
        figure(
            "Error rate",
            percent(now.error_rate),
            worse("error_rate"),
            lambda day: tried[day].failed / tried[day].attempts if day in tried else 0,
        ),
        figure(
            "Cache hits",
            percent(now.hit_rate),
            delta(now.hit_rate, was.hit_rate, more_is="better"),
            lambda day: spend[day].cached / spend[day].calls if spend[day].calls else 0,
        ),
        figure(
            "Cache saved",
            short_usd(saved),
            delta(saved, was.spend.avoided_pico, more_is="better"),
            lambda day: spend[day].avoided_pico,
        ),
        figure(
            "p95 latency",
            about(now.p95),
            worse("p95_ms"),
            lambda day: _ms(tried[day].p95) if day in tried else 0,
        ),
    ]


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def about(value: timedelta | None) -> str:
    """In the two digits that a quantile of a histogram is good for (`latencies.ERROR`)."""
    milliseconds = _ms(value)
    if milliseconds is None:
        return "–"
    shown = float(f"{milliseconds:.2g}")
    if shown < 1000:
        return f"≈ {shown:g} ms"
    return f"≈ {shown / 1000:,.{1 if shown < 10_000 else 0}f} s"


def _ms(value: timedelta | None) -> float | None:
    return None if value is None else value / timedelta(milliseconds=1)


def _daily(days: Days, rows: Sequence[DaySpend]) -> dict[date, Spend]:
    found = {day: Spend() for day in days.all}
    for row in rows:
        found[row.day] += row.spend
    return found


def _amounts(rows: Sequence[DaySpend], days: Sequence[date]) -> dict[str, list[int]]:
    """Group → an amount for each day."""
    place = {day: n for n, day in enumerate(days)}
    groups: dict[str, list[int]] = {}
    for row in rows:
        values = groups.setdefault(row.group or NOTHING_NAMED, [0] * len(days))
        values[place[row.day]] += row.spend.amount_pico
    return groups
