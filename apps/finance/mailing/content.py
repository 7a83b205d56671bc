"""What a letter says: the numbers of the cost report for a view's question, of whole days only."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.http import QueryDict

from apps.core.one_view import one_view
from apps.finance.cards import Card, cards
from apps.finance.explorer import Exploration, Group, explore
from apps.finance.forecast import month_forecast
from apps.finance.mailing.bars import Chart, chart_of
from apps.finance.parsing import Parsed, parse
from apps.finance.query import Query
from apps.finance.savings import provider_cache_saved
from apps.finance.selectors import Checked, check
from apps.finance.table import in_order, rest_of, sort_of

MOST_ROWS, MOST_MOVERS = 20, 5


class Unanswerable(Exception):
    """A view's question has no answer any more; permanent until somebody saves another."""


@dataclass(frozen=True)
class Content:
    """`movers`: whose cost changed most, the largest first. `rest`: all further rows as one."""

    query: Query
    cards: list[Card]
    movers: list[Group]
    chart: Chart
    rows: list[Group]
    rest: Group | None
    total: Group
    checked: Checked

    @property
    def is_empty(self) -> bool:
        return not self.total.sums.calls and not self.total.sums.amount_pico


def question_of(*, address: str, day: date, zone: str) -> Query:
    """As asked on `day`; a range that would end with it, which is not over, ends the day before.
    The dates are written out, so that the letter's link shows the letter's numbers for ever.

    Raises: `Unanswerable`.
    """
    parsed = _asked(address, day, zone)
    if parsed.query.days.last >= day:
        parsed = _asked(address, day - timedelta(days=1), zone)
    if parsed.faults:
        texts = [f"{name}: {text}" for name, texts in parsed.faults.items() for text in texts]
        raise Unanswerable(" ".join(texts))
    return replace(parsed.query, range="")


def is_dated(address: str) -> bool:
    """Whether the question is about the same days whenever it is asked."""
    return "range" not in QueryDict(address)


@one_view()
def content(*, query: Query, day: date) -> Content:
    # a letter has no room for bars of hours
    drawn = replace(query, grain="day") if query.period == "hour" else query
    exploration = explore(query=drawn)
    ranked = in_order(exploration, sort_of(exploration, ""))
    rows, rest = _split(ranked)
    return Content(
        query=query,
        cards=cards(
            exploration,
            forecast=month_forecast(query=query, today=day),
            provider_saved=provider_cache_saved(query=query),
            today=day,
        ),
        movers=_movers(exploration),
        chart=chart_of(exploration),
        rows=rows,
        rest=rest,
        total=exploration.total,
        checked=check(query=query, found=exploration.total.sums),
    )


def _asked(address: str, day: date, zone: str) -> Parsed:
    noon = datetime.combine(day, time(12), ZoneInfo(zone))
    return parse(QueryDict(address), now=noon, zone=zone)


def _split(ranked: Sequence[Group]) -> tuple[list[Group], Group | None]:
    """What is unattributed is a row of its own, whatever its size."""
    kept = [group for n, group in enumerate(ranked) if n < MOST_ROWS or not group.values[0]]
    rest = [group for group in ranked if group not in kept]
    return kept, rest_of(rest) if rest else None


def _movers(exploration: Exploration) -> list[Group]:
    moved = [group for group in exploration.groups if group.before and group.change_pico]
    return sorted(moved, key=lambda group: -abs(group.change_pico))[:MOST_MOVERS]
