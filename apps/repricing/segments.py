"""Which prices past calls have: those of the price list when each was sent, changed by the recosts
that were approved since, changed by the prices that somebody asks about.

A price list has few dates on which anything changes, so the days of a question fall into few
segments, each with prices that hold all through it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from apps.registry.models import Price
from apps.registry.snapshot import price_row
from apps.registry.types import PriceRow
from apps.repricing.types import Rate, Segment

Kind = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Correction:
    """Prices that were corrected for calls sent from `start` to before `end`."""

    start: datetime
    end: datetime
    rates: Sequence[Rate]


def segments(
    *, rates: Sequence[Rate], start: datetime, end: datetime, earlier: Sequence[Correction] = ()
) -> list[Segment]:
    """Of the deployments that `rates` are about. `earlier` corrections: the newest last."""
    listed = _listed({rate.deployment for rate in rates}, start, end)
    asked = [*earlier, Correction(start, end, rates)]
    return [
        Segment(deployment, since, until, _rows(listed[deployment], deployment, asked, since))
        for deployment in sorted(listed)
        for since, until in _spans(listed[deployment], asked, start, end)
    ]


def _listed(slugs: Collection[str], start: datetime, end: datetime) -> dict[str, list[PriceRow]]:
    found: dict[str, list[PriceRow]] = {slug: [] for slug in slugs}
    rows = Price.objects.filter(
        deployment__slug__in=slugs, valid__overlap=DateTimeTZRange(start, end)
    )
    for price in rows.select_related("deployment"):
        found[price.deployment.slug].append(price_row(price))
    return found


def _spans(
    rows: Iterable[PriceRow], corrections: Sequence[Correction], start: datetime, end: datetime
) -> list[tuple[datetime, datetime]]:
    """Between two moments at which any price begins or ends."""
    moments = {moment for row in rows for moment in (row.valid_from, row.valid_to) if moment}
    moments |= {moment for one in corrections for moment in (one.start, one.end)}
    inside = sorted({start, end, *(moment for moment in moments if start < moment < end)})
    return list(pairwise(inside))


def _rows(
    listed: Iterable[PriceRow], deployment: str, corrections: Iterable[Correction], at: datetime
) -> tuple[PriceRow, ...]:
    found = {_kind(row): row for row in listed if row.is_valid_at(at)}
    for correction in corrections:
        if correction.start <= at < correction.end:
            mine = (rate.row for rate in correction.rates if rate.deployment == deployment)
            found |= {_kind(row): row for row in mine}
    return tuple(found.values())


def _kind(row: PriceRow) -> Kind:
    return row.usage_class, row.service_tier, row.min_input_tokens
