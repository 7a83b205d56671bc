"""What tables of prices and previews show."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from apps.core.admin.cells import NOTHING
from apps.core.money import Pico
from apps.registry.admin.cells import change_of, per_million
from apps.registry.models import Price, UsageClass
from apps.registry.tiers import DEFAULT_TIER
from apps.registry.types import PriceRow
from apps.repricing.types import Line, Rate, Use

_CLASSES = dict(UsageClass.choices)


@dataclass(frozen=True)
class Row:
    """A line of a preview, or the sum of several."""

    model: str
    deployment: str
    meter: str
    quantity: int | None
    before: Pico
    after: Pico

    @property
    def difference(self) -> Pico:
        return self.after - self.before

    @property
    def change(self) -> str:
        return change_of(self.before, self.after)


@dataclass(frozen=True)
class RateRow:
    """A price that is asked about; `used` is None where no call used it."""

    rate: Rate
    meter: str
    now: SafeString
    asked: SafeString
    change: str
    used: Use | None


def meter_of(usage_class: str, service_tier: str, min_input_tokens: int = 0) -> str:
    tier = "" if service_tier == DEFAULT_TIER else f", {service_tier}"
    step = f", from {min_input_tokens:,} tokens" if min_input_tokens else ""
    return f"{_CLASSES.get(usage_class, usage_class)}{tier}{step}"


def rows_of(lines: Iterable[Line]) -> list[Row]:
    return [
        Row(
            line.model,
            line.deployment,
            meter_of(line.usage_class, line.service_tier),
            line.quantity,
            line.before_pico,
            line.after_pico,
        )
        for line in lines
    ]


def sum_of(lines: Sequence[Line]) -> Row:
    before = sum(line.before_pico for line in lines)
    after = sum(line.after_pico for line in lines)
    return Row("", "", "", None, before, after)


def rate_rows(rates: Sequence[Rate], *, used: Mapping[int, Use], now: Any) -> list[RateRow]:
    listed = _listed({rate.deployment for rate in rates}, now)
    return [
        _rate_row(rate, listed.get((rate.deployment, *_kind(rate.row))), used) for rate in rates
    ]


def _rate_row(rate: Rate, holding: Price | None, used: Mapping[int, Use]) -> RateRow:
    row = rate.row
    return RateRow(
        rate=rate,
        meter=meter_of(*_kind(row)),
        now=_price(holding),
        asked=per_million(row.price_pico, row.per_block),
        change=_price_change(holding, row),
        used=used.get(row.price_id),
    )


def _listed(deployments: set[str], now: Any) -> dict[tuple[Any, ...], Price]:
    rows = Price.objects.filter(deployment__slug__in=deployments, valid__contains=now)
    return {
        (price.deployment.slug, *_kind(price)): price for price in rows.select_related("deployment")
    }


def _kind(row: PriceRow | Price) -> tuple[str, str, int]:
    return row.usage_class, row.service_tier, row.min_input_tokens


def _price(price: Price | None) -> SafeString:
    return per_million(price.price_pico, price.per_block) if price else SafeString(NOTHING)


def _price_change(holding: Price | None, asked: PriceRow) -> str:
    if holding is None:
        return "new"
    return change_of(holding.price_pico * asked.per_block, asked.price_pico * holding.per_block)
