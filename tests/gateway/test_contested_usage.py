"""Numbers of a provider that cannot be true are booked at the bound and wait for finance."""

import pytest

from apps.budgets.models import Hold, Window
from apps.gateway.types import CallRefused
from apps.ledger.models import Attempt, Entry, Usage
from apps.registry.models import Deployment, Provider, UsageClass
from tests.budgets.conftest import make_budget
from tests.factories import make_deployment, make_key, make_model, make_price
from tests.gateway.asgi import HELLO, Visit
from tests.gateway.test_streams import STREAM, booked

WRONG = {
    "mismatch": "total_tokens 99 is not 3 + 4",
    "negative": "total_tokens is not a number of tokens: -2",
}


@pytest.fixture
def budget(transactional_db):
    return make_budget("all", 10**9)


@pytest.mark.parametrize("wrong", WRONG)
def test_it_costs_what_was_held_and_says_why(call_pipeline, budget, upstream, wrong):
    upstream.behave(usage=wrong)

    outcome = call_pipeline()

    entry, hold = Entry.objects.get(), Hold.objects.get()
    assert (entry.kind, entry.reason) == ("conflict", WRONG[wrong])
    assert entry.amount_pico == hold.amount_pico == hold.posted_pico == outcome.cost_pico > 0
    assert (hold.status, Window.objects.get().posted_pico) == ("settled", entry.amount_pico)
    assert Attempt.objects.get().status == "succeeded"
    usage = Usage.objects.get()
    assert (usage.source, usage.raw["contested"]["prompt_tokens"]) == ("bound", 3)


def test_the_bound_is_that_of_the_dearest_class(call_pipeline, budget, upstream):
    deployment = Deployment.objects.get()
    make_price(deployment, UsageClass.OUT_AUDIO, 50)
    make_price(deployment, UsageClass.IN_CACHE_WRITE, 3)
    upstream.behave(usage="mismatch")

    call_pipeline()

    entry = Entry.objects.get()
    assert {line["usage_class"] for line in entry.lines} == {"in_cache_write", "out_audio"}
    assert entry.amount_pico == Hold.objects.get().amount_pico


def test_without_a_price_it_is_contested_all_the_same(call_pipeline, upstream):
    make_deployment(provider=Provider.objects.get(), model=make_model("bare"), slug="bare-1")
    upstream.behave(usage="mismatch")

    call_pipeline(model="bare")

    entry = Entry.objects.get()
    assert (entry.kind, entry.amount_pico) == ("conflict", 0)
    assert entry.reason.startswith(f"{WRONG['mismatch']}. No price for")
    assert [set(line) for line in entry.lines] == [{"usage_class", "quantity"}] * 2


def test_a_useless_answer_with_contested_usage_is_booked_at_the_bound(
    call_pipeline, budget, upstream
):
    upstream.behave(usage="mismatch", body="no_choices")

    with pytest.raises(CallRefused):
        call_pipeline()

    entries = Entry.objects.all()
    holds = dict(Hold.objects.values_list("pk", "amount_pico"))
    assert {entry.kind for entry in entries} == {"conflict"}
    assert {entry.attempt_id: entry.amount_pico for entry in entries} == holds


@pytest.fixture
def visit(runtime, shop):
    return Visit(runtime, make_key(shop))


def test_two_final_reports_of_a_stream_that_differ_are_contested(visit, budget, upstream):
    first = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    second = {"prompt_tokens": 3, "completion_tokens": 9, "total_tokens": 12}
    upstream.behave(usage=first, usage_again=second)

    seen = visit.run(body=STREAM | {"messages": [HELLO]})

    entry = booked(visit.runtime, upstream)
    assert seen.events[-1] == "[DONE]"
    assert entry.kind == "conflict"
    assert entry.reason == "usage was reported twice: 3 + 4 tokens, then 3 + 9"
    assert entry.amount_pico == Hold.objects.get().amount_pico
    assert Usage.objects.get().raw == {"contested": [first, second]}


def test_the_same_report_again_is_no_conflict(visit, upstream):
    same = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    upstream.behave(usage=same, usage_again=same)

    visit.run(body=STREAM)

    assert booked(visit.runtime, upstream).kind == "charge"
