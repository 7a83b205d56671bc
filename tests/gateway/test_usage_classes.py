"""Every class that a provider reports is charged at its own price, whole or in a stream."""

import pytest

from apps.budgets.models import Hold
from apps.gateway.types import CallRefused
from apps.ledger.models import Entry, Usage
from apps.registry.models import Deployment
from tests.budgets.conftest import make_budget
from tests.factories import make_key, make_price
from tests.gateway.asgi import Visit
from tests.gateway.test_streams import STREAM, booked

COUNTS = {
    "in_uncached": 1,
    "in_cache_read": 2,
    "in_cache_write": 3,
    "in_cache_write_5m": 4,
    "in_cache_write_1h": 5,
    "in_audio": 6,
    "in_image": 7,
    "out_text": 8,
    "out_reasoning": 9,
    "out_audio": 10,
    "out_image": 11,
    "web_search": 12,
}
USAGE = {
    "prompt_tokens": 28,
    "completion_tokens": 38,
    "total_tokens": 66,
    "prompt_tokens_details": {
        "cached_tokens": 2,
        "cache_write_tokens": 12,
        "audio_tokens": 6,
        "image_tokens": 7,
    },
    "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 9, "audio_tokens": 10, "image_tokens": 11},
    "server_tool_use": {"web_search_requests": 12},
}
TIERS = {"default": 1, "flex": 1000}


@pytest.fixture
def budget(shop):
    """With prices of every class, in two tiers: a sum of powers tells which were used."""
    Deployment.objects.update(searches_at_most=12)
    deployment = Deployment.objects.get()
    for tier, factor in TIERS.items():
        for place, name in enumerate([*COUNTS, "requests"]):
            if tier != "default" or name not in {"in_uncached", "out_text"}:
                make_price(deployment, name, price_of(name, place) * factor, service_tier=tier)
    return make_budget("all", 10**15)


def price_of(name, place):
    return {"in_uncached": 1, "out_text": 2}.get(name, 100 + place)


def cost(tier):
    prices = {name: price_of(name, place) for place, name in enumerate([*COUNTS, "requests"])}
    used = COUNTS | {"requests": 1}
    return TIERS[tier] * sum(prices[name] * count for name, count in used.items())


@pytest.mark.parametrize("tier", TIERS)
def test_a_whole_answer(call_pipeline, budget, upstream, tier):
    upstream.behave(usage=USAGE, service_tier=tier)

    outcome = call_pipeline()

    entry = Entry.objects.get()
    assert (entry.kind, entry.amount_pico, outcome.cost_pico) == ("charge", cost(tier), cost(tier))
    assert {line["usage_class"]: line["quantity"] for line in entry.lines} == {
        **COUNTS,
        "requests": 1,
    }
    assert (entry.input_tokens, entry.output_tokens, entry.cached_tokens) == (28, 38, 2)
    usage = Usage.objects.get()
    assert (usage.counts, usage.raw) == (COUNTS, USAGE)
    assert Hold.objects.get().amount_pico >= cost(tier)


@pytest.mark.parametrize("tier", TIERS)
def test_a_stream(runtime, shop, budget, upstream, tier):
    upstream.behave(usage=USAGE, service_tier=["auto", tier])
    visit = Visit(runtime, make_key(shop))

    visit.run(body=STREAM)

    entry = booked(runtime, upstream)
    assert (entry.kind, entry.amount_pico) == ("charge", cost(tier))


def test_what_is_held_has_the_fee_and_the_searches_in_it(call_pipeline, shop, upstream):
    make_budget("all", 10**15)
    call_pipeline(parameters={"max_tokens": 5})
    plain = Hold.objects.get().amount_pico
    deployment = Deployment.objects.get()
    make_price(deployment, "requests", 7_000, per_block=1000)
    make_price(deployment, "web_search", 10_000)
    Deployment.objects.update(searches_at_most=3)

    call_pipeline(parameters={"max_tokens": 5}, cache="bypass")

    assert Hold.objects.latest("created_at").amount_pico == plain + 7 + 3 * 10_000


def test_a_fee_that_one_tier_has_is_asked_of_every_tier(call_pipeline, shop, upstream):
    make_price(Deployment.objects.get(), "requests", 7, service_tier="flex")

    call_pipeline()

    entry = Entry.objects.get()
    assert (entry.kind, entry.reason) == ("unpriced", "No price for requests.")


def test_a_hard_budget_refuses_searches_without_a_price(call_pipeline, shop, upstream):
    make_budget("all", 10**15)
    Deployment.objects.update(searches_at_most=1)

    with pytest.raises(CallRefused, match="No price for web_search"):
        call_pipeline()

    assert upstream.log() == []
