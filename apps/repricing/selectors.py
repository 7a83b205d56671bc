"""Reads of recosts."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, F, QuerySet, Sum

from apps.core.money import Pico
from apps.ledger.reports import Days
from apps.registry.types import PriceRow
from apps.repricing.models import BINDING, WAITING, Outcome, Recost, RecostRate
from apps.repricing.segments import Correction
from apps.repricing.types import Left, Line, Preview, Rate, Segment, Use

_ROW = ("price_id", "usage_class", "price_pico", "per_block", "service_tier", "min_input_tokens")


@dataclass(frozen=True, slots=True)
class Progress:
    """What became of a recost's entries. `left` of them were replaced by something else before
    they could be booked; they would have made `left_pico` of the difference."""

    booked: int = 0
    left: int = 0
    booked_pico: Pico = 0
    left_pico: Pico = 0


def corrections(
    *, deployments: Collection[str], start: datetime, end: datetime
) -> list[Correction]:
    """Recosts that were approved of calls of that time, the newest last."""
    found = _touching(deployments, start, end).filter(status__in=BINDING)
    rows = found.order_by("decided_at", "pk").prefetch_related("rates")
    return [Correction(row.start, row.end, rates_of(row)) for row in rows]


def waiting(*, deployments: Collection[str], start: datetime, end: datetime) -> QuerySet[Recost]:
    """Recosts of calls of that time that are not booked yet."""
    return _touching(deployments, start, end).filter(status__in=WAITING)


def _touching(deployments: Collection[str], start: datetime, end: datetime) -> QuerySet[Recost]:
    about = RecostRate.objects.filter(deployment__in=deployments).values("recost")
    return Recost.objects.filter(start__lt=end, end__gt=start, pk__in=about)


def rates_of(recost: Recost) -> list[Rate]:
    return [Rate(rate.deployment, _price_row(rate), rate.source) for rate in recost.rates.all()]


def _price_row(rate: RecostRate) -> PriceRow:
    return PriceRow(
        price_id=rate.pk,
        usage_class=rate.usage_class,
        price_pico=rate.price_pico,
        per_block=rate.per_block,
        valid_from=None,
        valid_to=None,
        service_tier=rate.service_tier,
        min_input_tokens=rate.min_input_tokens,
    )


def progress(recost: Recost) -> Progress:
    difference = Sum(F("after_pico") - F("before_pico"))
    rows = recost.items.order_by().values_list("outcome")
    sums = {
        outcome: (count, int(pico))
        for outcome, count, pico in rows.annotate(count=Count("pk"), pico=difference)
    }
    booked, left = (sums.get(outcome, (0, 0)) for outcome in (Outcome.BOOKED, Outcome.LEFT))
    return Progress(booked[0], left[0], booked[1], left[1])


def stored(segment: Segment) -> dict[str, Any]:
    """As it stands in `Recost.segments`."""
    return {
        "deployment": segment.deployment,
        "since": segment.since.isoformat(),
        "until": segment.until.isoformat(),
        "rows": [{name: getattr(row, name) for name in _ROW} for row in segment.rows],
    }


def segments_of(recost: Recost) -> list[Segment]:
    """The prices that were approved, whatever the price list says by now."""
    return [
        Segment(
            one["deployment"],
            datetime.fromisoformat(one["since"]),
            datetime.fromisoformat(one["until"]),
            tuple(PriceRow(**row, valid_from=None, valid_to=None) for row in one["rows"]),
        )
        for one in recost.segments
    ]


def summary_of(recost: Recost) -> Preview:
    """What was seen when it was asked for."""
    kept = recost.summary
    return Preview(
        priced=[Line(**_in_numbers(row)) for row in kept["priced"]],
        newly=[Line(**_in_numbers(row)) for row in kept["newly"]],
        left=[Left(**_in_numbers(row)) for row in kept["left"]],
        used={int(number): Use(*use) for number, use in kept["used"].items()},
        entries=kept["entries"],
        newly_priced=kept["newly_priced"],
    )


def _in_numbers(row: dict[str, Any]) -> dict[str, Any]:
    return {name: int(value) if name.endswith("_pico") else value for name, value in row.items()}


def days_of(recost: Recost) -> Days:
    zone = ZoneInfo(recost.zone)
    last = recost.end - timedelta(microseconds=1)
    return Days(recost.start.astimezone(zone).date(), last.astimezone(zone).date(), recost.zone)
