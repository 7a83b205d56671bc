"""A process whose clock is hours off books at the price that holds, by the database's clock."""

from datetime import timedelta

import pytest

from apps.core import clock
from apps.ledger.models import Entry
from apps.registry.models import Price

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("off", [-2 * HOUR, 2 * HOUR])
def test_the_price_of_now_is_booked(call_pipeline, shop, monkeypatch, off):
    """Prices rose tenfold an hour ago and fall again in an hour."""
    begins, ends = clock.db_now() - HOUR, clock.db_now() + HOUR
    for old in list(Price.objects.filter(valid__endswith=None)):
        Price.objects.filter(pk=old.pk).update(valid=(old.valid.lower, begins))
        for valid, factor in (((begins, ends), 10), ((ends, None), 1)):
            Price.objects.create(
                deployment=old.deployment,
                usage_class=old.usage_class,
                price_pico=old.price_pico * factor,
                valid=valid,
                source="test",
            )
    truth = clock.own
    monkeypatch.setattr(clock, "own", lambda: truth() + off)

    call_pipeline()

    assert {line["price_pico"] for line in Entry.objects.get().lines} == {10, 20}


@pytest.mark.parametrize("off", [-2 * HOUR, 2 * HOUR])
def test_a_clock_that_is_set_in_the_middle_of_a_call_moves_no_deadline(
    call_pipeline, shop, upstream, monkeypatch, off
):
    truth = clock.own
    upstream.behave(latency=0.5)
    monkeypatch.setattr(clock, "own", lambda: truth() + off)

    assert call_pipeline(seconds=20).attempts == 1
