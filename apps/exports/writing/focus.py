"""The FinOps Open Cost and Usage Specification's dataset “Cost and Usage” as CSV: a row for each
day, meter, price and owner. Amounts are exact; all four costs are what was booked, as we know one
price."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from typing import IO, Any
from zoneinfo import ZoneInfo

from apps.core.csv_lines import csv_lines
from apps.core.money import PICO, Pico, exact_usd
from apps.exports.books import counted_lines, rows_of
from apps.exports.focus_columns import COLUMNS, COSTS, CUSTOM
from apps.exports.focus_sql import rows
from apps.exports.types import Asked, Built, Progress
from apps.finance.query import Query
from apps.ledger.models import Period
from apps.ledger.months import start_of_next_month
from apps.registry.models import UsageClass

OURSELVES = "llmplatform"  # the account, and who answered where no provider was called
_CATEGORY = {"credit": "Credit", "provider_adjustment": "Adjustment"}
_ESTIMATED = ("estimate",)
_EXACT = Context(prec=60)
_UNITS = {"requests": "Requests", "web_search": "Searches"}
_LABELS = dict(UsageClass.choices)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Row:
    """As `focus_sql.rows` finds it. `price_id` None: an amount that no meter's price explains."""

    booked_month: date
    charged_on: date
    kind: str
    provider: str
    model: str
    deployment: str
    service: str
    team: str
    cost_center: str
    prompt: str
    prompt_version: int
    arm: str
    channel: str
    meter: str | None
    price_id: int | None
    price_pico: int | None
    per_block: int
    service_tier: str
    min_input_tokens: int
    quantity: int
    amount_pico: Pico
    lines: int
    avoided_pico: Pico | None


def write_focus(query: Query, asked: Asked, file: IO[bytes], progress: Progress) -> Built:
    total_lines, amount = counted_lines(query)
    progress.expect(total_lines)
    periods = _Periods(query.days.zone)
    file.write("".join(csv_lines([[*COLUMNS, *CUSTOM]])).encode())
    written = 0
    for found in rows_of(rows(query)):
        row = Row(*found)
        cells = cells_of(row, periods)
        line = [cells.get(name) or "" for name in (*COLUMNS, *CUSTOM)]
        file.write("".join(csv_lines([line])).encode())
        written += 1
        progress.step(row.lines)
    return Built(written, amount)


class _Periods:
    """Billing periods are the books' months, with the bounds that they were closed by."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._known = {row.month: (row.start, row.end) for row in Period.objects.all()}

    def bounds(self, month: date) -> tuple[str, str]:
        found = self._known.get(month)
        start, end = found or (self._midnight(month), self._midnight(start_of_next_month(month)))
        return _time(start), _time(end)

    def day(self, day: date) -> tuple[str, str]:
        return _time(self._midnight(day)), _time(self._midnight(day + _DAY))

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._zone)


def cells_of(row: Row, periods: _Periods) -> dict[str, str | None]:
    """Column → its cell; None or missing: null."""
    cost = exact_usd(int(row.amount_pico))
    billing, charge = periods.bounds(row.booked_month), periods.day(row.charged_on)
    provider = row.provider or OURSELVES
    is_later = row.charged_on < row.booked_month
    return {
        **dict.fromkeys(COSTS, cost),
        "BillingAccountId": OURSELVES,
        "BillingAccountName": OURSELVES,
        "BillingCurrency": "USD",
        "BillingPeriodStart": billing[0],
        "BillingPeriodEnd": billing[1],
        "ChargePeriodStart": charge[0],
        "ChargePeriodEnd": charge[1],
        "ChargeClass": "Correction" if is_later else None,
        "ChargeDescription": _description(row),
        **dict.fromkeys(("HostProviderName", "InvoiceIssuerName", "ServiceProviderName"), provider),
        "ResourceId": row.deployment,
        "ResourceName": row.deployment,
        "ResourceType": "Deployment" if row.deployment else None,
        "ServiceCategory": "AI and Machine Learning",
        "ServiceSubcategory": "Generative AI",
        "ServiceName": row.model or provider,
        "SubAccountId": row.team,
        "SubAccountName": row.team,
        "Tags": _json(_tags(row)),
        **(_priced(row) if row.price_id is not None else _unpriced(row)),
        **_own(row),
    }


def _priced(row: Row) -> dict[str, str | None]:
    unit = _UNITS.get(row.meter or "", "Tokens")
    price = _decimal(Decimal(row.price_pico or 0) / PICO)
    blocks = _EXACT.divide(Decimal(row.quantity), Decimal(row.per_block))
    return {
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Usage-Based",
        "ConsumedQuantity": str(row.quantity),
        "ConsumedUnit": unit,
        "ContractedUnitPrice": price,
        "ListUnitPrice": price,
        "PricingCategory": "Standard",
        "PricingQuantity": _decimal(blocks),
        "PricingUnit": unit if row.per_block == 1 else f"{row.per_block} {unit}",
        "SkuId": f"{row.provider}/{row.model}",
        "SkuMeter": _meter(row),
        "SkuPriceId": str(row.price_id),
        "SkuPriceDetails": _json(
            {"x_ServiceTier": row.service_tier, "x_MinInputTokens": row.min_input_tokens}
        ),
    }


def _unpriced(row: Row) -> dict[str, str | None]:
    """Without a price a row is no usage that the specification knows."""
    return {
        "ChargeCategory": _CATEGORY.get(row.kind, "Adjustment"),
        "ChargeFrequency": "One-Time",
    }


def _own(row: Row) -> dict[str, str | None]:
    return {
        "x_CacheSavings": exact_usd(int(row.avoided_pico)) if row.avoided_pico else None,
        "x_Channel": row.channel,
        "x_CostCenter": row.cost_center,
        "x_EntryKind": row.kind,
        "x_Estimated": "true" if row.kind in _ESTIMATED else "false",
        "x_ExperimentArm": row.arm,
        "x_LineCount": str(row.lines),
        "x_Prompt": row.prompt,
        "x_PromptVersion": str(row.prompt_version) if row.prompt else None,
        "x_Service": row.service,
        "x_ServiceTier": row.service_tier,
    }


def _tags(row: Row) -> dict[str, str]:
    found = {
        "service": row.service,
        "cost_center": row.cost_center,
        "prompt": row.prompt,
        "prompt_version": str(row.prompt_version) if row.prompt else "",
        "arm": row.arm,
        "channel": row.channel,
    }
    return {name: value for name, value in found.items() if value}


def _description(row: Row) -> str:
    what = _meter(row) if row.meter else row.kind.replace("_", " ").capitalize()
    where = row.model or row.provider or OURSELVES
    return f"{what}, {where}"


def _meter(row: Row) -> str:
    label = _LABELS.get(row.meter or "", row.meter or "")
    return label if (row.meter or "") in _UNITS else f"{label} tokens"


def _json(value: Mapping[str, Any]) -> str | None:
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if value else None


def _decimal(value: Decimal) -> str:
    """Without an exponent and without zeros at the end; at most 18 decimals."""
    text = f"{value:.18f}".rstrip("0").rstrip(".")
    return text if text not in ("", "-0") else "0"


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
