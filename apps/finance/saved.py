"""What was saved, and how: by our cache, by the providers' caches, by their batch tier, by sending
calls to a cheaper deployment."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection

from apps.core.money import Pico
from apps.finance import saved_sql
from apps.finance.query import LONGEST, LONGEST_OF_ENTRIES, Query
from apps.finance.saved_days import Known, known_days
from apps.finance.saved_lines import Saved, parameters, saved_by
from apps.finance.saved_prices import price_book
from apps.finance.selectors import cost_rows


@dataclass(frozen=True)
class Savings:
    """`groups`: value of the first dimension → what it saved, largest first."""

    groups: list[tuple[str, Saved]]
    total: Saved
    cost: Pico


def savings(*, query: Query) -> Savings:
    """Our cache from the rollups, the rest from the sums of days and, of days that have none, from
    the entries themselves."""
    found: dict[str, Saved] = defaultdict(Saved)
    rows = cost_rows(query=query, keys=query.group_by[:1], measures=("amount_pico", "avoided_pico"))
    for row in rows:
        found[str(row.keys[0])] += Saved(our_cache=row.sums.avoided_pico)
    for name, saved in _saved(query):
        found[name] += saved
    ranked = sorted(found.items(), key=lambda pair: (-pair[1].total, pair[0]))
    cost = sum(row.sums.amount_pico for row in rows)
    return Savings(ranked, sum(found.values(), Saved()), cost)


def longest_of(query: Query) -> int:
    """Of how many days a page can say what they saved: most must be kept."""
    if not saved_sql.is_kept(query):
        return LONGEST_OF_ENTRIES
    known = known_days(days=query.days, book=price_book(query.days))
    return LONGEST["day"] if len(known.left) <= LONGEST_OF_ENTRIES else LONGEST_OF_ENTRIES


def _saved(query: Query) -> Iterator[tuple[str, Saved]]:
    book = price_book(query.days)
    is_kept = saved_sql.is_kept(query)
    known = known_days(days=query.days, book=book) if is_kept else Known([], query.days.all)
    for name, *sums in _rows(saved_sql.sums_of_groups(query), query, {"days": known.kept}):
        yield name, Saved(0, *map(int, sums))
    values = parameters(book, known.left, query.days.zone)
    for name, *line in _rows(saved_sql.lines_of_groups(query), query, values):
        yield name, saved_by(book, *line)


def _rows(statement: str, query: Query, values: dict[str, Any]) -> Collection[Any]:
    """Those of no days are none."""
    if not values["days"]:
        return []
    values |= {f"filter_{n}": list(found) for n, (_, found) in enumerate(query.filters)}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
