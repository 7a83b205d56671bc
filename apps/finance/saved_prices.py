"""What units would have cost elsewhere: the price list of a range of days."""

from bisect import bisect_right
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import blake2s
from itertools import accumulate

from apps.core.money import Pico, line_amount
from apps.ledger.pricing import REQUESTS, prices_for, row_of
from apps.ledger.reports import Days
from apps.registry.models import Price
from apps.registry.snapshot import price_row
from apps.registry.types import PriceRow

_EARLIEST = datetime(1, 1, 1, tzinfo=UTC)


@dataclass
class PriceBook:
    """Prices by deployment, and what divides time and length of input between them."""

    prices: dict[str, list[PriceRow]] = field(default_factory=dict)
    moments: list[datetime] = field(default_factory=lambda: [_EARLIEST])
    steps: list[int] = field(default_factory=lambda: [0])

    def amount(
        self, deployment: str, usage_class: str, tier: str, at: int, step: int, units: int
    ) -> Pico | None:
        """Of `units` at the price that held between two of the `moments` (the `at`-th and the next)
        for inputs between two of the `steps`; None where none did."""
        moment = self.moments[at - 1]
        rows = [row for row in self.prices.get(deployment, ()) if _holds(row, moment)]
        found = row_of(usage_class, prices_for(rows, tier=tier, input_tokens=self.steps[step - 1]))
        if found is None:
            return 0 if rows and usage_class == REQUESTS else None
        sign = -1 if units < 0 else 1
        return sign * line_amount(
            quantity=abs(units), price_pico=found.price_pico, per_block=found.per_block
        )

    @property
    def alike(self) -> list[list[int]]:
        """For each of the `moments`: of each of the `steps` the last one until there from which on
        some price held then. Counted from 1, as Postgres does."""
        rows = [row for held in self.prices.values() for row in held if row.min_input_tokens]
        return [self._alike({0, *_steps_at(moment, rows)}) for moment in self.moments]

    def _alike(self, held: Container[int]) -> list[int]:
        places = (place if step in held else 1 for place, step in enumerate(self.steps, 1))
        return list(accumulate(places, max))


def price_book(days: Days) -> PriceBook:
    """Prices that held at some time of the range."""
    book = PriceBook()
    held = Price.objects.filter(valid__overlap=days.bounds).select_related("deployment")
    for price in held:
        row = price_row(price)
        book.prices.setdefault(price.deployment.slug, []).append(row)
        book.moments += _edges(row)
        book.steps.append(row.min_input_tokens)
    book.moments = sorted(set(book.moments))
    book.steps = sorted(set(book.steps))
    return book


def digests(book: PriceBook, days: Iterable[date], zone: str) -> dict[date, str]:
    """Day → what tells its price list from every other. Rows never change but for their end, so
    their numbers are enough, with the times at which they begin or end within the day."""
    known: dict[tuple[int, int], str] = {}
    rows = sorted((r for rows in book.prices.values() for r in rows), key=lambda r: r.price_id)
    found = {}
    for day in days:
        start, end = Days(day, day, zone).bounds
        # no price begins or ends between two days with the same places
        places = bisect_right(book.moments, start), bisect_right(book.moments, end)
        if places not in known or places[0] != places[1]:
            known[places] = _digest(rows, start, end)
        found[day] = known[places]
    return found


def _digest(rows: Iterable[PriceRow], start: datetime, end: datetime) -> str:
    digest = blake2s(digest_size=16)
    for row in rows:
        begins, ends = row.valid_from or _EARLIEST, row.valid_to
        if begins < end and (ends is None or ends > start):
            within = [edge.isoformat() for edge in _edges(row) if start < edge < end]
            digest.update(f"{row.price_id}{within};".encode())
    return digest.hexdigest()


def _edges(row: PriceRow) -> list[datetime]:
    return [edge for edge in (row.valid_from, row.valid_to) if edge]


def _holds(row: PriceRow, moment: datetime) -> bool:
    begun = row.valid_from is None or row.valid_from <= moment
    return begun and (row.valid_to is None or row.valid_to > moment)


def _steps_at(moment: datetime, rows: Iterable[PriceRow]) -> set[int]:
    return {row.min_input_tokens for row in rows if _holds(row, moment)}
