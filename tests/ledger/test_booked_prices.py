"""From rows in the registry to an entry in the ledger, against the model of fractions."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from apps.core.ids import uuid7
from apps.ledger.models import Entry
from apps.ledger.services import close_attempts, open_attempts
from apps.ledger.types import AttemptStart
from apps.ledger.verifying import verify_books
from apps.registry.snapshot import read_registry
from tests.factories import make_deployment, make_price
from tests.ledger.conftest import NOW, SHOP, end_of, usage
from tests.ledger.test_price_model import TIERS, counts, model_cost, price_lists


class BookedPrices(TestCase):
    @settings(deadline=None, max_examples=60)
    @given(data=st.data(), used=counts, tier=st.sampled_from(TIERS), is_complete=st.booleans())
    def test_an_entry_is_what_the_model_says_or_waits_for_its_price(
        self, data, used, tier, is_complete
    ):
        rows = data.draw(price_lists(complete=[tier] if is_complete else []))
        expected = model_cost(rows, tier, used)

        entry = booked(rows, usage(used, service_tier=tier))

        assert (entry.kind, entry.amount_pico) == (
            ("unpriced", 0) if expected is None else ("charge", expected)
        )
        assert {line.get("service_tier", "default") for line in entry.lines} <= {tier}
        assert verify_books(zone="UTC") == []


def booked(rows, report):
    deployment = make_deployment()
    for row in rows:
        make_price(
            deployment,
            row.usage_class,
            row.price_pico,
            per_block=row.per_block,
            service_tier=row.service_tier,
            min_input_tokens=row.min_input_tokens,
        )
    prices = read_registry().deployments[deployment.slug].prices_at(NOW)
    start = AttemptStart(uuid7(), "req_1", None, 1, "answer", SHOP)
    open_attempts(starts=[start], now=NOW)
    close_attempts(ends=[end_of(start, usage=report, prices=prices)], now=NOW)
    return Entry.objects.get()
