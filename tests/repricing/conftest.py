"""Calls that were sent at some moment and booked by the prices of that moment."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User

from apps.ledger.models import Entry
from apps.ledger.services import close_attempts, open_attempts
from apps.ledger.types import AttemptStart
from apps.registry.models import Deployment
from apps.registry.selectors import valid_prices
from apps.registry.snapshot import price_row
from apps.registry.types import PriceRow
from apps.repricing.types import Rate
from tests.budgets.conftest import held
from tests.factories import make_priced_deployment
from tests.ledger.conftest import SHOP, end_of, usage

START, END = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
MAY = {"start": START, "end": END}
AT = datetime(2026, 5, 4, 12, tzinfo=UTC)
ASKED = MAY | {"zone": "UTC", "reason": "contract 7", "now": END}


def called(
    counts: Mapping[str, int], *, at: datetime = AT, tier: str = "default", **values: Any
) -> UUID:
    """A call of `SHOP`, sent then and booked a second later; the attempt's id."""
    start = AttemptStart(
        id=held(1, now=at),
        request_id="r",
        job_id=values.pop("job_id", None),
        number=1,
        purpose="answer",
        dimensions=SHOP,
    )
    open_attempts(starts=[start], now=at)
    prices = [price_row(row) for row in _listed(at)]
    report = usage(counts, service_tier=tier)
    end = end_of(start, usage=report, prices=prices, **values)
    close_attempts(ends=[end], now=at + timedelta(seconds=1))
    return start.id


def _listed(at: datetime) -> Any:
    deployment = Deployment.objects.get(slug=SHOP.deployment)
    return valid_prices(deployment=deployment, at=at)


def rate(usage_class: str, price_pico: int, **values: Any) -> Rate:
    given = {"price_id": -1, "per_block": 1, "valid_from": None, "valid_to": None} | values
    row = PriceRow(usage_class=usage_class, price_pico=price_pico, **given)
    return Rate(SHOP.deployment, row, "contract 7")


def booked_since(*entries: Entry) -> int:
    """What all entries but these add up to."""
    others = Entry.objects.exclude(pk__in=[entry.pk for entry in entries])
    return sum(others.values_list("amount_pico", flat=True))


@pytest.fixture
def deployment(db: None) -> Deployment:
    """Input costs 5, output 7 pico-dollars a token."""
    return make_priced_deployment(slug=SHOP.deployment, input_pico=5, output_pico=7)


@pytest.fixture
def people(db: None) -> tuple[User, User]:
    """Who asks, and who approves."""
    return User.objects.create_user("asks"), User.objects.create_user("approves")
