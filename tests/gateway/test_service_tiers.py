"""A call costs what its answer's service tier costs, and is held at the dearest it may land in."""

import pytest

from apps.budgets.models import Hold, Window
from apps.gateway.types import CallRefused
from apps.jobs.services.repricing import price_again
from apps.ledger.models import Entry, Usage
from apps.registry.models import Deployment
from tests.budgets.conftest import make_budget
from tests.factories import make_key, make_price
from tests.gateway.asgi import Visit
from tests.gateway.test_streams import STREAM, booked

USAGE = {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13}


@pytest.fixture
def tiers(shop):
    """“small-1” costs 1 and 2 pico-dollars a token, 10 and 20 in priority; flex has no price."""
    price_tier("priority", 10, 20)


def price_tier(tier, input_pico, output_pico, **values):
    deployment = Deployment.objects.get()
    make_price(deployment, "in_uncached", input_pico, service_tier=tier, **values)
    make_price(deployment, "out_text", output_pico, service_tier=tier, **values)


@pytest.fixture
def budget(transactional_db):
    return make_budget("all", 10**9)


@pytest.mark.parametrize("asked", [{}, {"service_tier": "auto"}, {"service_tier": "priority"}])
@pytest.mark.parametrize(
    ("said", "cost"),
    [
        (None, 16),
        ("default", 16),
        ("standard", 16),
        ("on_demand", 16),
        ("priority", 160),
        ("Priority", 160),
    ],
)
def test_the_answer_says_the_tier_never_the_request(
    call_pipeline, tiers, budget, upstream, asked, said, cost
):
    upstream.behave(usage=USAGE, service_tier=said)

    outcome = call_pipeline(parameters=asked)

    entry, hold = Entry.objects.get(), Hold.objects.get()
    assert (entry.kind, entry.amount_pico, outcome.cost_pico) == ("charge", cost, cost)
    named = {line.get("service_tier") for line in entry.lines}
    assert named == ({"priority"} if cost == 160 else {None})
    assert hold.amount_pico >= cost
    assert (hold.status, Window.objects.get().posted_pico) == ("settled", cost)
    assert upstream.log()[0]["body"].get("service_tier") == asked.get("service_tier")


@pytest.mark.parametrize(
    ("asked", "dear"), [("default", False), ("auto", True), ("priority", True), (None, True)]
)
def test_it_is_held_at_the_dearest_tier_that_it_may_land_in(
    call_pipeline, tiers, budget, upstream, asked, dear
):
    call_pipeline(
        parameters={"service_tier": asked, "max_tokens": 5} if asked else {"max_tokens": 5}
    )

    amount, cheap = Hold.objects.get().amount_pico, len("hello there") + 8 + 64 + 2 * 5
    assert amount == cheap * (10 if dear else 1)


@pytest.mark.parametrize("said", ["flex", "scale", "auto", 7, "\x00odd", ["x"]])
def test_an_answer_of_a_tier_without_a_price_is_never_booked_at_the_standard_one(
    call_pipeline, tiers, budget, upstream, said
):
    upstream.behave(usage=USAGE, service_tier=said if isinstance(said, str) else [said])

    call_pipeline()

    entry = Entry.objects.get()
    assert (entry.kind, entry.amount_pico) == ("unpriced", 0)
    assert len({line["service_tier"] for line in entry.lines}) == 1
    assert "in the service tier" in entry.reason


def test_what_has_no_price_yet_keeps_its_room_in_the_budget_until_it_is_priced(
    call_pipeline, tiers, budget, upstream
):
    upstream.behave(usage=USAGE, service_tier="flex")
    call_pipeline()
    entry, hold, window = Entry.objects.get(), Hold.objects.get(), Window.objects.get()
    assert (hold.status, window.held_pico, window.posted_pico) == ("held", hold.amount_pico, 0)
    assert price_again(entry_ids=[entry.pk], reason="", actor="fin").priced == 0
    price_tier("flex", 3, 5)

    result = price_again(entry_ids=[entry.pk], reason="list", actor="fin")

    assert (result.priced, result.missing) == (1, ())
    correction = Entry.objects.get(kind="correction")
    assert correction.amount_pico == 10 * 3 + 3 * 5
    assert [line["service_tier"] for line in correction.lines] == ["flex", "flex"]
    window.refresh_from_db()
    assert (window.held_pico, window.posted_pico) == (0, 45)


@pytest.fixture
def visit(runtime, shop):
    return Visit(runtime, make_key(shop))


@pytest.mark.parametrize(
    ("said", "cost"),
    [
        ("priority", 160),
        (["auto", "priority"], 160),
        (["priority", "default"], 16),
        (["auto", "priority", None], 160),
    ],
)
def test_of_a_stream_the_last_word_holds(visit, tiers, budget, upstream, said, cost):
    upstream.behave(usage=USAGE, service_tier=said)

    seen = visit.run(body=STREAM)

    entry = booked(visit.runtime, upstream)
    assert (entry.kind, entry.amount_pico) == ("charge", cost)
    assert seen.events[-2]["usage"]["cost_usd"] == f"0.{cost:012d}"


@pytest.mark.parametrize("said", ["priority", None])
def test_an_answer_without_usage_is_estimated_in_the_dearest_tier_that_it_may_be_of(
    call_pipeline, tiers, budget, upstream, said
):
    upstream.behave(usage="missing", service_tier=said)

    call_pipeline(parameters={"service_tier": "auto"})

    entry = Entry.objects.get()
    assert entry.kind == "estimate"
    assert {line["service_tier"] for line in entry.lines} == {"priority"}


def test_contested_usage_is_booked_in_the_dearest_tier(call_pipeline, tiers, budget, upstream):
    upstream.behave(usage="mismatch")

    call_pipeline()

    entry = Entry.objects.get()
    assert {line["service_tier"] for line in entry.lines} == {"priority"}
    assert entry.amount_pico == Hold.objects.get().amount_pico


def test_a_hard_budget_refuses_a_tier_without_a_price_and_says_what_to_do(
    call_pipeline, tiers, budget, upstream
):
    with pytest.raises(CallRefused) as caught:
        call_pipeline(parameters={"service_tier": "flex"})

    assert (caught.value.code, caught.value.status) == ("budget_exceeded", 402)
    assert str(caught.value) == (
        "Budget “all” refuses calls whose price is not known. "
        "No price for in_uncached, out_text in the service tier “flex”. "
        "Ask for service_tier “default”, or have the price added to “small-1”."
    )
    assert upstream.log() == []
    assert not Entry.objects.exists()


def test_without_a_hard_budget_it_is_sent_and_waits_for_its_price(call_pipeline, tiers, upstream):
    upstream.behave(usage=USAGE, service_tier="flex")

    call_pipeline(parameters={"service_tier": "flex"})

    assert Entry.objects.get().kind == "unpriced"
    assert Usage.objects.get().counts == {"in_uncached": 10, "out_text": 3}


def test_calls_of_two_tiers_never_share_an_answer(call_pipeline, tiers, upstream):
    for count, tier in enumerate(["auto", "default", "priority", "flex"], start=1):
        given = {"service_tier": tier}
        assert call_pipeline(parameters=given).cache == "miss", tier
        assert call_pipeline(parameters=given).cache == "hit", tier
        assert len(upstream.log()) == count


@pytest.mark.parametrize("word", ["", "Flex", "a b", 7, "x" * 41])
def test_what_is_no_tier_is_a_fault(call_pipeline, shop, upstream, word):
    with pytest.raises(CallRefused) as caught:
        call_pipeline(parameters={"service_tier": word})

    assert [fault.pointer for fault in caught.value.faults] == ["/parameters/service_tier"]
    assert "e.g. auto, default, flex or priority" in caught.value.message
    assert upstream.log() == []


@pytest.mark.parametrize(("tokens", "cost"), [(999, 999 + 3 * 2), (1000, 1000 * 7 + 3 * 9)])
def test_a_long_input_makes_the_whole_call_dearer(call_pipeline, budget, upstream, tokens, cost):
    price_tier("default", 7, 9, min_input_tokens=1000)
    usage = {"prompt_tokens": tokens, "completion_tokens": 3, "total_tokens": tokens + 3}
    upstream.behave(usage=usage | {"prompt_tokens_details": {"cached_tokens": 998}})

    call_pipeline("word " * 1000)

    entry = Entry.objects.get()
    assert (entry.kind, entry.amount_pico) == ("charge", cost)
    assert Hold.objects.get().amount_pico >= cost
    step = 1000 if tokens == 1000 else None
    assert {line.get("min_input_tokens") for line in entry.lines} == {step}
