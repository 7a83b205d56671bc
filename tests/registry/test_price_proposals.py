"""An import proposes, a person decides."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from apps.registry.models import Price, PriceProposal
from apps.registry.services import (
    PriceRefused,
    approve_all,
    approve_proposal,
    propose_prices,
    reject_proposal,
    set_price,
)
from apps.registry.types import ProposedPrice
from tests.factories import make_deployment

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def deployment():
    return make_deployment(slug="d")


def proposal(pico, usage_class="out_text"):
    return ProposedPrice("d", usage_class, pico, 1, "list 7")


def test_what_is_news_becomes_an_open_proposal(deployment):
    set_price(deployment=deployment, usage_class="out_text", price_pico=1, source="x", now=NOW)

    stored = propose_prices(rows=[proposal(2)], now=NOW)

    assert stored == (proposal(2),)
    row = PriceProposal.objects.get()
    assert (row.current_pico, row.proposed_pico, row.source, row.status) == (1, 2, "list 7", "open")
    assert Price.objects.count() == 1


def test_what_holds_or_is_open_already_is_no_news(deployment):
    set_price(deployment=deployment, usage_class="out_text", price_pico=1, source="x", now=NOW)
    propose_prices(rows=[proposal(2, "in_uncached")], now=NOW)

    stored = propose_prices(rows=[proposal(1), proposal(2, "in_uncached")], now=NOW)

    assert stored == ()
    assert PriceProposal.objects.count() == 1


def test_a_newer_proposal_replaces_the_open_one(deployment):
    propose_prices(rows=[proposal(2)], now=NOW)

    propose_prices(rows=[proposal(3)], now=LATER)

    old, new = PriceProposal.objects.order_by("pk")
    assert (old.status, old.decided_by, old.decided_at) == ("rejected", "(newer proposal)", LATER)
    assert (new.status, new.proposed_pico) == ("open", 3)


def test_approval_makes_the_price_from_now_on(deployment):
    before = set_price(
        deployment=deployment, usage_class="out_text", price_pico=1, source="x", now=NOW
    )
    propose_prices(rows=[proposal(2)], now=NOW)

    price = approve_proposal(proposal=PriceProposal.objects.get(), by="fin", now=LATER)

    before.refresh_from_db()
    assert before.valid.upper == price.valid.lower == LATER
    assert (price.price_pico, price.source) == (2, "list 7")
    row = PriceProposal.objects.get()
    assert (row.status, row.decided_by, row.decided_at) == ("approved", "fin", LATER)


def test_rejection_leaves_the_price(deployment):
    propose_prices(rows=[proposal(2)], now=NOW)

    reject_proposal(proposal=PriceProposal.objects.get(), by="fin", now=LATER)

    assert PriceProposal.objects.get().status == "rejected"
    assert Price.objects.count() == 0


@pytest.mark.parametrize("decide", [approve_proposal, reject_proposal])
def test_nobody_decides_twice(deployment, decide):
    propose_prices(rows=[proposal(2)], now=NOW)
    row = PriceProposal.objects.get()
    approve_proposal(proposal=row, by="fin", now=NOW)

    with pytest.raises(PriceRefused, match="decided already"):
        decide(proposal=row, by="other", now=LATER)

    assert PriceProposal.objects.get().decided_by == "fin"
    assert Price.objects.count() == 1


def test_a_proposal_beside_an_outdated_price_is_not_approved(deployment):
    propose_prices(rows=[proposal(2)], now=NOW)
    set_price(deployment=deployment, usage_class="out_text", price_pico=9, source="x", now=NOW)

    with pytest.raises(PriceRefused, match="changed since"):
        approve_proposal(proposal=PriceProposal.objects.get(), by="fin", now=LATER)

    assert propose_prices(rows=[proposal(2)], now=LATER) == (proposal(2),)
    newest = PriceProposal.objects.get(status="open")
    assert approve_proposal(proposal=newest, by="fin", now=LATER).price_pico == 2


def test_all_are_approved_or_none(deployment):
    propose_prices(rows=[proposal(2), proposal(3, "in_uncached")], now=NOW)
    set_price(deployment=deployment, usage_class="in_uncached", price_pico=9, source="x", now=NOW)

    with pytest.raises(PriceRefused):
        approve_all(by="fin", now=LATER)
    assert set(PriceProposal.objects.values_list("status", flat=True)) == {"open"}

    propose_prices(rows=[proposal(3, "in_uncached")], now=LATER)
    assert {price.price_pico for price in approve_all(by="fin", now=LATER)} == {2, 3}


def test_the_database_keeps_one_open_proposal_and_the_time_of_a_decision(deployment):
    propose_prices(rows=[proposal(2)], now=NOW)
    with pytest.raises(IntegrityError, match="one_open_proposal_each"), transaction.atomic():
        PriceProposal.objects.create(
            deployment=deployment, usage_class="out_text", proposed_pico=3, source="x"
        )
    with pytest.raises(IntegrityError, match="proposal_decided_has_time"), transaction.atomic():
        PriceProposal.objects.update(status="approved")
