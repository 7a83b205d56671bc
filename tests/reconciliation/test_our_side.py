"""What the ledger says, by the day of UTC on which a call was sent."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from apps.core.ids import uuid7
from apps.ledger.services import close_attempts, open_attempts
from apps.ledger.types import AttemptStart
from apps.reconciliation.books import our_side, our_total
from apps.reconciliation.types import Key, Side
from tests.factories import make_deployment, make_model, make_provider
from tests.ledger.conftest import SHOP, end_of, usage
from tests.reconciliation.month import bridge, imported

pytestmark = pytest.mark.django_db
LATE = datetime(2026, 5, 4, 23, 59, 59, tzinfo=UTC)
DAY, NEXT = date(2026, 5, 4), date(2026, 5, 5)
IN, OUT = (Key(DAY, "gpt-mini", meter) for meter in ("in_uncached", "out_text"))


@pytest.fixture
def provider():
    return make_provider(slug=SHOP.provider)


def sent(at=LATE, **values):
    start = AttemptStart(
        id=uuid7(),
        request_id="r",
        job_id=None,
        number=1,
        purpose="answer",
        dimensions=replace(SHOP, **values),
    )
    open_attempts(starts=[start], now=at)
    return start


def ended(start, at=LATE + timedelta(minutes=5), **values):
    close_attempts(ends=[end_of(start, **values)], now=at)


def side_of(provider, first=DAY, last=DAY):
    return our_side(provider=provider, first=first, last=last)


def test_a_call_across_midnight_is_of_the_day_when_it_was_sent(provider):
    ended(sent())

    assert side_of(provider) == {
        IN: Side(100 * 150_000, 100, 1),
        OUT: Side(20 * 600_000, 20, 1),
    }
    assert side_of(provider, NEXT, NEXT) == {}
    assert our_total(provider=provider, first=DAY, last=DAY) == 27_000_000


def test_reasoning_is_output_as_it_is_billed(provider):
    ended(sent(), usage=usage({"in_uncached": 100, "out_text": 15, "out_reasoning": 5}))
    assert side_of(provider)[OUT] == Side(20 * 600_000, 20, 1, lines=2)


def test_an_estimate_that_the_truth_replaced_days_later_is_one_call(provider):
    start = sent()
    ended(
        start, status="unknown", kind="estimate", usage=usage({"in_uncached": 100, "out_text": 500})
    )
    ended(start, at=LATE + timedelta(days=40))

    found = side_of(provider)
    assert {key: (side.amount_pico, side.quantity, side.calls) for key, side in found.items()} == {
        IN: (100 * 150_000, 100, 1),
        OUT: (20 * 600_000, 20, 1),
    }
    assert side_of(provider, NEXT, date(2026, 7, 1)) == {}


def test_other_providers_are_not_ours(provider):
    ended(sent(provider="azure"))
    assert side_of(provider) == {}


def test_usage_without_a_price_is_there_with_its_quantity(provider):
    ended(sent(), prices=())
    assert side_of(provider) == {IN: Side(0, 100, 1), OUT: Side(0, 20, 1)}


def test_by_the_day_of_their_end_calls_of_the_night_before_count(provider):
    ended(sent(LATE - timedelta(days=1)), at=LATE - timedelta(hours=23))
    ended(sent(LATE - timedelta(hours=5)), at=LATE - timedelta(hours=4))
    ended(sent())  # ends tomorrow
    today = {"provider": provider, "first": DAY, "last": DAY}
    tomorrow = today | {"first": NEXT, "last": NEXT}

    assert {side.calls for side in our_side(**today, basis="ended").values()} == {2}
    assert our_total(**today, basis="ended") == 2 * 27_000_000
    assert our_total(**today) == 2 * 27_000_000
    assert our_total(**tomorrow, basis="ended") == 27_000_000
    assert our_total(**tomorrow) == 0


@pytest.mark.parametrize("basis", ["sent", "ended"])
def test_the_day_is_the_one_that_agrees_with_the_statement(provider, basis):
    make_deployment(provider=provider, model=make_model("gpt-mini"))
    provider.vendor = "openai"
    provider.save()
    nights = [LATE + timedelta(days=n) for n in range(5)]
    for at in nights:
        ended(sent(at), at=at + timedelta(minutes=5))
    days = [at.date() if basis == "sent" else at.date() + timedelta(days=1) for at in nights]
    lines = [
        f'{day}T00:00:00Z,{usd},usd,"gpt-mini, {meter}",p,{units}'
        for day in days
        for meter, usd, units in (("input", "0.000015", 100), ("output", "0.000012", 20))
    ]
    head = "start_time_iso,amount_value,amount_currency,line_item,project_id,quantity"

    statement = imported("\n".join([head, *lines]), provider, now=LATE + timedelta(days=9))

    assert statement.day_basis == basis
    assert bridge(statement) == {}


@pytest.mark.parametrize(("quantities", "basis"), [((), "sent"), ((66_740, 86_740), "ended")])
def test_rounding_to_cents_decides_nothing_about_the_day(provider, quantities, basis):
    """1.0011 cents by day and 0.3 at night are billed as 1 cent, which is nearer to the former."""
    make_deployment(provider=provider, model=make_model("gpt-mini"))
    provider.vendor = "openai"
    provider.save()
    for night in (LATE, LATE + timedelta(days=1)):
        noon = night - timedelta(hours=12)
        ended(sent(noon), at=noon, usage=usage({"in_uncached": 66_740}))
        ended(sent(night), at=night + timedelta(minutes=5), usage=usage({"in_uncached": 20_000}))
    head = "start_time_iso,amount_value,amount_currency,line_item,project_id"
    lines = [f'{day}T00:00:00Z,0.01,usd,"gpt-mini, input",p' for day in (DAY, NEXT)]
    if quantities:
        head += ",quantity"
        lines = [f"{line},{units}" for line, units in zip(lines, quantities, strict=True)]

    statement = imported("\n".join([head, *lines]), provider, now=LATE + timedelta(days=9))

    assert statement.day_basis == basis
