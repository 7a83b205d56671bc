"""Makers of what the pipeline hands to the ledger."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from apps.core.ids import uuid7
from apps.ledger.services import open_attempts
from apps.ledger.types import AttemptEnd, AttemptStart, Dimensions, UsageReport
from apps.registry.types import PriceRow

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
SHOP = Dimensions(
    service="shop",
    team="shop-team",
    cost_center="cc-100",
    provider="openai",
    model="gpt-mini",
    deployment="gpt-mini-eu",
    prompt="describe",
    prompt_version=3,
    arm="tone/warm",
    tags=("sale", "spring"),
)


def price_row(usage_class: str, price_pico: int, per_block: int = 1, **values: Any) -> PriceRow:
    return PriceRow(
        price_id=len(usage_class),
        usage_class=usage_class,
        price_pico=price_pico,
        per_block=per_block,
        valid_from=None,
        valid_to=None,
        **values,
    )


def prices(**picos: int) -> tuple[PriceRow, ...]:
    return tuple(price_row(name, pico) for name, pico in picos.items())


PRICES = prices(in_uncached=150_000, out_text=600_000)


def usage(counts: Mapping[str, int] | None = None, **values: Any) -> UsageReport:
    counts = counts if counts is not None else {"in_uncached": 100, "out_text": 20}
    defaults = {
        "input_total": sum(n for name, n in counts.items() if name.startswith("in_")),
        "output_total": sum(n for name, n in counts.items() if name.startswith("out_")),
        "source": "provider",
        "raw": {"prompt_tokens": 100, "completion_tokens": 20},
    }
    return UsageReport(counts=counts, **(defaults | values))


def end_of(start: AttemptStart, **values: Any) -> AttemptEnd:
    """A success that used 100 + 20 tokens: 27,000,000 pico-USD."""
    defaults = {"status": "succeeded", "usage": usage(), "prices": PRICES, "kind": "charge"}
    return AttemptEnd(attempt_id=start.id, **(defaults | values))


@pytest.fixture
def opened(db: None) -> Callable[..., AttemptStart]:
    """Opens an attempt and gives what it was opened with."""

    def make(**values: Any) -> AttemptStart:
        defaults = {
            "id": uuid7(),
            "request_id": "req_1",
            "job_id": None,
            "number": 1,
            "purpose": "answer",
            "dimensions": SHOP,
        }
        start = AttemptStart(**(defaults | values))
        open_attempts(starts=[start], now=NOW)
        return start

    return make
