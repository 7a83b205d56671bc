"""Reads of costs. Days are those of the reporting zone, amounts sums over entries: the days of a
range add up to the range, and the groups of any dimension to the whole."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from apps.core.money import Pico
from apps.finance import cost_sql
from apps.finance.models import SavedView
from apps.finance.query import Query
from apps.finance.types import MEASURES, CostRow, Key, Sums
from apps.ledger.models import EntryKind, Purpose
from apps.ledger.models.books import WASTED
from apps.ledger.reports import Days, run_report
from apps.ledger.selectors import Verified, booked_sum, last_verified

COST = ("amount_pico",)
REST = "\x7f"  # no name is so: a control character
UNANSWERED = (*WASTED, Purpose.SHADOW, Purpose.SIMILAR)
_MARGIN = timedelta(days=1)  # a clock turned back across midnight


def cost_rows(
    *,
    query: Query,
    keys: Sequence[str],
    days: Days | None = None,
    after: Sequence[Key] = (),
    limit: int | None = None,
    measures: Sequence[str] = MEASURES,
    own: Sequence[str] | None = None,
) -> list[CostRow]:
    """Sums by `keys` (hour, day, month, and dimensions that the query groups by), in their order,
    those `after` the given ones. `days` in place of the query's. What is not among `measures` is
    not summed, and 0. `own`: the values of the first dimension that are told apart; all others are
    `REST`."""
    days = days or query.days
    entries = query.reads_entries or "hour" in keys
    statement = cost_sql.statement(
        query=query,
        keys=keys,
        measures=measures,
        has_after=bool(after),
        entries=entries,
        has_rest=own is not None,
    )
    values = _values(query, days) | {"limit": limit, "own": list(own or ()), "rest": REST}
    values |= {f"after_{n}": value for n, value in enumerate(after)}
    rows = run_report(statement, days, values, months="day" not in keys)
    width, sums = len(keys), _sums_of(measures)
    return [CostRow(row[:width], sums(map(int, row[width:]))) for row in rows]


def _sums_of(measures: Sequence[str]) -> Callable[[Iterable[int]], Sums]:
    if tuple(measures) == MEASURES:
        return Sums._make
    places = [MEASURES.index(name) for name in measures]

    def made(values: Iterable[int]) -> Sums:
        sums = [0] * len(MEASURES)
        for place, value in zip(places, values, strict=True):
            sums[place] = value
        return Sums._make(sums)

    return made


def total(*, query: Query) -> Sums:
    """All of it as one, without any grouping."""
    rows = cost_rows(query=query, keys=())
    return rows[0].sums if rows else Sums()


def total_cost(*, query: Query, days: Days) -> Pico:
    rows = cost_rows(query=query, keys=(), days=days, measures=COST)
    return rows[0].sums.amount_pico if rows else 0


def summed(rows: Iterable[CostRow]) -> Sums:
    return sum((row.sums for row in rows), Sums())


@dataclass(frozen=True, slots=True)
class Checked:
    """What a page says below its numbers about them. `drift`: what a sum without any grouping has
    more than the table; `drift_of_day`: what the entries of `day`, one by one, have more than the
    rollups say. 0, or the page is wrong. `verified`: the last nightly comparison; None before the
    first."""

    drift: Pico
    day: date
    drift_of_day: Pico
    estimated: float  # the most of the cost that is an estimate, 0 to 1
    verified: Verified | None

    @property
    def is_right(self) -> bool:
        found = self.verified.differences if self.verified else 0
        return not self.drift and not self.drift_of_day and not found


def check(*, query: Query, found: Sums) -> Checked:
    """Four small reads: the range from the rollups of months where it can, and its last day from
    both. (`verify_ledger` reads every entry.)"""
    day = Days(query.days.last, query.days.last, query.days.zone)
    everything = replace(query, filters=())
    posted = total_cost(query=everything, days=day)
    booked = booked_sum(first=day.first, last=day.last, zone=day.zone)
    cost = found.amount_pico
    return Checked(
        drift=total_cost(query=query, days=query.days) - cost,
        day=day.first,
        drift_of_day=booked - posted,
        estimated=max(0, found.estimated_pico) / cost if cost > 0 else 0,
        verified=last_verified(),
    )


def check_days(*, days: Days, shown: Pico) -> Checked:
    """Of a page that shows all costs of these days."""
    query = Query(days=days)
    return check(query=query, found=total(query=query)._replace(amount_pico=shown))


def views_for(user: Any) -> QuerySet[SavedView]:
    """This person's own and everybody's."""
    own_or_shared = Q(owner=user.pk) | Q(is_shared=True)
    return SavedView.objects.filter(own_or_shared).select_related("owner", "mail_plan")


def _values(query: Query, days: Days) -> dict[str, Any]:
    start, end = days.bounds
    values: dict[str, Any] = {
        "unanswered": list(UNANSWERED),
        "wasted": list(WASTED),
        "adjustments": [EntryKind.PROVIDER_ADJUSTMENT, EntryKind.CREDIT],
        "estimate": EntryKind.ESTIMATE,
        "start": start - _MARGIN,
        "end": end + _MARGIN,
    }
    filters = enumerate(query.filters)
    return values | {f"filter_{n}": list(found) for n, (_, found) in filters}
