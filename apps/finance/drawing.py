"""The explorer's chart."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from apps.core.chart_marks import Number
from apps.core.charts import Series, StackedBars
from apps.finance.explorer import Exploration
from apps.finance.figures import axis_usd, layers, mark_usd, the_rest
from apps.finance.forecast import Forecast
from apps.finance.links import ledger_url
from apps.finance.periods import day_label
from apps.finance.query import Query
from apps.ledger.months import end_of_month
from apps.ledger.reports import Days

TITLES = {"cost": "Cost", "calls": "Calls", "tokens": "Tokens"}


def count(value: Number) -> str:
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:,.0f}"


def series_of(exploration: Exploration) -> list[Series]:
    label, rest = exploration.query.dimensions[0].label_of, exploration.rest_by_bar
    own = [replace(one, name=label(one.name)) for one in layers(exploration.by_bar)]
    return [*own, the_rest(rest)] if rest else own


def bars(exploration: Exploration, *, forecast: Forecast | None, now: datetime) -> StackedBars:
    """With the days to come, dashed, when the range ends today."""
    query = exploration.query
    is_money = query.metric == "cost"
    labels = [bar.label for bar in exploration.bars]
    expected = _expected(exploration, forecast, now) if is_money else {}
    more = [day_label(day) for day in sorted(expected) if query.period == "day"][1:]
    series = [
        Series(one.name, [*one.values, *([0] * len(more))], one.colour)
        for one in series_of(exploration)
    ]
    return StackedBars(
        title=f"{TITLES[query.metric]} by {query.period} and {query.dimensions[0].label.lower()}",
        labels=[*labels, *more],
        series=series,
        format=mark_usd if is_money else count,
        axis=axis_usd if is_money else count,
        open_at=open_bar(exploration, now),
        expected=_on_top(len(labels), expected),
        urls=[
            *(_into(exploration.query, bar.key) for bar in exploration.bars),
            *("" for _ in more),
        ],
    )


def _into(query: Query, key: date | datetime) -> str:
    """The same question of a bar's day or month alone, in finer bars; of an hour its entries."""
    if isinstance(key, datetime):
        return ledger_url(query, hour=key)
    days = Days(key, key, query.days.zone)
    if query.period == "month":
        first, last = max(key, query.days.first), min(end_of_month(key), query.days.last)
        days = Days(first, last, query.days.zone)
    return f"?{replace(query, days=days, range='', grain='').address}"


def open_bar(exploration: Exploration, now: datetime) -> int | None:
    """The bar that still grows."""
    days, bars = exploration.query.days, exploration.bars
    today = now.astimezone(ZoneInfo(days.zone)).date()
    if not days.first <= today <= days.last:
        return None
    moment = now if exploration.query.period == "hour" else today
    return max(n for n, bar in enumerate(bars) if bar.key <= moment)


def _expected(
    exploration: Exploration, forecast: Forecast | None, now: datetime
) -> Mapping[date, int]:
    """What is to come, for each bar from the last one on."""
    query = exploration.query
    today = now.astimezone(ZoneInfo(query.days.zone)).date()
    if forecast is None or query.period == "hour" or query.days.last != today:
        return {}
    if query.period == "month":
        return {min(forecast.to_come): sum(forecast.to_come.values())}
    return forecast.to_come


def _on_top(bars_now: int, expected: Mapping[date, int]) -> list[int]:
    if not expected:
        return []
    return [*([0] * (bars_now - 1)), *(expected[day] for day in sorted(expected))]
