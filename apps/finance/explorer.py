"""The cost explorer: what its page, its chart and its file show of one question."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from apps.core.money import Pico
from apps.finance.figures import Delta, delta, largest
from apps.finance.periods import Bar, bars_of
from apps.finance.query import Query
from apps.finance.selectors import REST, cost_rows
from apps.finance.types import CostRow, Sums

_BEFORE = ("amount_pico", "avoided_pico")
METRIC_OF: Mapping[str, Callable[[Sums], int]] = {
    "cost": lambda sums: sums.amount_pico,
    "calls": lambda sums: sums.calls,
    "tokens": lambda sums: sums.tokens,
}
_MEASURES_OF = {
    "cost": ("amount_pico",),
    "calls": ("calls",),
    "tokens": ("input_tokens", "output_tokens"),
}


@dataclass(frozen=True)
class Group:
    """A row of the table. `values`: one for each dimension, empty where unattributed. `before` has
    what was paid and avoided, and is None when nothing is compared."""

    values: tuple[str, ...]
    labels: tuple[str, ...]
    sums: Sums
    before: Sums | None
    share: float  # of the whole, by the metric; 0 to 1

    @property
    def change_pico(self) -> Pico:
        return self.sums.amount_pico - (self.before.amount_pico if self.before else 0)

    @property
    def change(self) -> Delta:
        was = self.before.amount_pico if self.before else None
        return delta(self.sums.amount_pico, was, more_is="worse")

    @property
    def per_call(self) -> Pico | None:
        return per(self.sums.amount_pico, self.sums.calls)

    @property
    def per_answer(self) -> Pico | None:
        return per(self.sums.amount_pico, self.sums.answers)

    @property
    def per_1000_tokens(self) -> Pico | None:
        return per(self.sums.amount_pico * 1000, self.sums.tokens)


@dataclass(frozen=True)
class Exploration:
    query: Query
    groups: list[Group]
    """Every group, the unattributed ones among them, in no order."""
    total: Group
    bars: list[Bar]
    by_bar: Mapping[str, list[int]]
    """Value of the first dimension whose group is large → its metric in each bar."""
    rest_by_bar: list[int]
    """That of all other groups together; empty: there are none."""

    @property
    def unattributed(self) -> Sums:
        """Of the first dimension."""
        return sum((group.sums for group in self.groups if not group.values[0]), Sums())

    @property
    def largest_mover(self) -> Group | None:
        moved = [group for group in self.groups if group.change_pico]
        return max(moved, key=lambda group: abs(group.change_pico), default=None)


def explore(*, query: Query) -> Exploration:
    """Two reads of the rollups, and one when the range is compared; whatever the number of groups.
    Only the table asks for every sum: bars may be very many."""
    now = _by_key(cost_rows(query=query, keys=query.group_by))
    was = _before(query)
    whole = sum(now.values(), Sums())
    bars = bars_of(query)
    by_bar, rest = _by_bar(query, bars, now)
    total = _group(query, ("",) * len(query.group_by), whole, _whole_before(was), whole)
    return Exploration(
        query=query,
        groups=[
            _group(query, key, now.get(key, Sums()), _of(was, key), whole)
            for key in sorted({*now, *(was or {}), ("",) * len(query.group_by)})
        ],
        total=total,
        bars=bars,
        by_bar=by_bar,
        rest_by_bar=rest,
    )


def bar_keys(query: Query) -> tuple[str, str]:
    """What a layer of a bar is the sum of: hour, day or month, and the first dimension."""
    return query.period, query.group_by[0]


def per(amount: Pico, count: int) -> Pico | None:
    """For reading only: to the next pico-dollar. None: nothing to share it among."""
    return None if count <= 0 else (2 * amount + count) // (2 * count)


def _before(query: Query) -> dict[tuple[str, ...], Sums] | None:
    days = query.days_before
    if days is None:
        return None
    return _by_key(cost_rows(query=query, keys=query.group_by, days=days, measures=_BEFORE))


def _by_key(rows: Iterable[CostRow]) -> dict[tuple[str, ...], Sums]:
    return {tuple(map(str, row.keys)): row.sums for row in rows}


def _whole_before(was: Mapping[tuple[str, ...], Sums] | None) -> Sums | None:
    return None if was is None else sum(was.values(), Sums())


def _of(was: Mapping[tuple[str, ...], Sums] | None, key: tuple[str, ...]) -> Sums | None:
    return None if was is None else was.get(key, Sums())


def _group(
    query: Query, key: tuple[str, ...], sums: Sums, before: Sums | None, whole: Sums
) -> Group:
    metric = METRIC_OF[query.metric]
    all_of_it = metric(whole)
    return Group(
        values=key,
        labels=tuple(
            dimension.label_of(value)
            for dimension, value in zip(query.dimensions, key, strict=True)
        ),
        sums=sums,
        before=before,
        share=metric(sums) / all_of_it if all_of_it > 0 else 0,
    )


def _by_bar(
    query: Query, bars: list[Bar], groups: Mapping[tuple[str, ...], Sums]
) -> tuple[dict[str, list[int]], list[int]]:
    """Of the groups that have a colour, and of the rest: groups may be hundreds, in each bar."""
    metric = METRIC_OF[query.metric]
    totals: Counter[str] = Counter()
    for key, sums in groups.items():
        totals[key[0]] += metric(sums)
    own = largest(totals, apart="")
    found = {value: [0] * len(bars) for value in own}
    measures = _MEASURES_OF[query.metric]
    rows = cost_rows(query=query, keys=bar_keys(query), measures=measures, own=own)
    place: dict[date | datetime, int] = {bar.key: n for n, bar in enumerate(bars)}
    for row in rows:
        period, value = row.keys
        values = found.setdefault(str(value), [0] * len(bars))
        values[place[period]] += metric(row.sums)  # type: ignore[index]
    rest = found.pop(REST, [])
    return found, rest
