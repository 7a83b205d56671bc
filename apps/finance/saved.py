"""What was saved, and how: by our cache, by the providers' caches, by their batch tier.

Each is a difference of two exact amounts, and none is counted twice. Of a line that was read from a
cache in the batch tier, the cache saved what the line is cheaper by than plain input of that tier,
and the tier what plain input is cheaper by in it than in the standard one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import add
from typing import Any

from django.db import connection

from apps.core.money import Pico, line_amount
from apps.finance import saved_sql
from apps.finance.query import Query
from apps.finance.selectors import cost_rows
from apps.ledger.pricing import BILLED_AS, prices_for, row_of
from apps.ledger.reports import Days
from apps.providers.batch_results import BATCH_TIER
from apps.registry.models import Price, UsageClass
from apps.registry.snapshot import price_row
from apps.registry.tiers import DEFAULT_TIER
from apps.registry.types import PriceRow

_EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
_MARGIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Saved:
    """Pico-USD; negative where the way that was taken cost more. `unknown`: units that have no
    price to be compared with, and are left out."""

    our_cache: Pico = 0
    provider_cache: Pico = 0
    batch: Pico = 0
    unknown: int = 0

    def __add__(self, other: "Saved") -> "Saved":
        return Saved(*map(add, self._values, other._values))

    @property
    def total(self) -> Pico:
        return self.our_cache + self.provider_cache + self.batch

    @property
    def _values(self) -> tuple[int, ...]:
        return (self.our_cache, self.provider_cache, self.batch, self.unknown)


@dataclass(frozen=True)
class Savings:
    """`groups`: value of the first dimension → what it saved, largest first."""

    groups: list[tuple[str, Saved]]
    total: Saved
    cost: Pico


@dataclass
class _Book:
    """Prices by deployment, and what divides time and length of input between them."""

    prices: dict[str, list[PriceRow]] = field(default_factory=dict)
    moments: list[datetime] = field(default_factory=lambda: [_EARLIEST])
    steps: list[int] = field(default_factory=lambda: [0])

    def amount(
        self, deployment: str, usage_class: str, tier: str, at: int, step: int, units: int
    ) -> Pico | None:
        """Of `units` at the price that held; None where none did."""
        moment = self.moments[at - 1]
        rows = [row for row in self.prices.get(deployment, ()) if _holds(row, moment)]
        found = row_of(usage_class, prices_for(rows, tier=tier, input_tokens=self.steps[step - 1]))
        if found is None:
            return None
        sign = -1 if units < 0 else 1
        return sign * line_amount(
            quantity=abs(units), price_pico=found.price_pico, per_block=found.per_block
        )


def savings(*, query: Query) -> Savings:
    """Our cache from the rollups, the rest from the entries themselves; three statements."""
    found: dict[str, Saved] = {}
    keys = query.group_by[:1]
    rows = cost_rows(query=query, keys=keys, measures=("amount_pico", "avoided_pico"))
    for row in rows:
        found[str(row.keys[0])] = Saved(our_cache=row.sums.avoided_pico)
    book = _book(query.days)
    for name, *line in _lines(query, book):
        found[name] = found.get(name, Saved()) + _of(book, *line)
    ranked = sorted(found.items(), key=lambda pair: (-pair[1].total, pair[0]))
    cost = sum(row.sums.amount_pico for row in rows)
    return Savings(ranked, sum(found.values(), Saved()), cost)


def _of(
    book: _Book,
    deployment: str,
    usage_class: str,
    tier: str,
    at: int,
    step: int,
    units: Any,
    amount: Any,
) -> Saved:
    units, amount = int(units), int(amount)
    plain_class = _plain(usage_class)
    plain = amount
    if plain_class != usage_class:
        there = book.amount(deployment, plain_class, tier, at, step, units)
        if there is None:
            return Saved(unknown=units)
        plain = there
    if tier != BATCH_TIER:
        return Saved(provider_cache=plain - amount)
    usual = book.amount(deployment, plain_class, DEFAULT_TIER, at, step, units)
    if usual is None:
        return Saved(provider_cache=plain - amount, unknown=units)
    return Saved(provider_cache=plain - amount, batch=usual - plain)


def _plain(usage_class: str) -> str:
    """What a class would be without the provider's cache."""
    return BILLED_AS[usage_class] if usage_class == UsageClass.IN_CACHE_READ else usage_class


def _holds(row: PriceRow, moment: datetime) -> bool:
    begun = row.valid_from is None or row.valid_from <= moment
    return begun and (row.valid_to is None or row.valid_to > moment)


def _book(days: Days) -> _Book:
    """Prices that held at some time of the range."""
    book = _Book()
    held = Price.objects.filter(valid__overlap=days.bounds).select_related("deployment")
    for price in held:
        row = price_row(price)
        book.prices.setdefault(price.deployment.slug, []).append(row)
        book.moments += [edge for edge in (row.valid_from, row.valid_to) if edge]
        book.steps.append(row.min_input_tokens)
    book.moments = sorted(set(book.moments))
    book.steps = sorted(set(book.steps))
    return book


def _lines(query: Query, book: _Book) -> Iterable[Sequence[Any]]:
    start, end = query.days.bounds
    values: dict[str, Any] = {
        "standard": DEFAULT_TIER,
        "batch": BATCH_TIER,
        "batch_line": f'[{{"service_tier": "{BATCH_TIER}"}}]',
        "cache_read": UsageClass.IN_CACHE_READ,
        "moments": book.moments,
        "steps": book.steps,
        "start": start - _MARGIN,
        "end": end + _MARGIN,
        "zone": query.days.zone,
        "first": query.days.first,
        "last": query.days.last,
    }
    values |= {f"filter_{n}": list(found) for n, (_, found) in enumerate(query.filters)}
    with connection.cursor() as cursor:
        cursor.execute(saved_sql.statement(query), values)
        return list(cursor.fetchall())
