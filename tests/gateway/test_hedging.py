"""Hedged calls over real HTTP, budgets and books: an answer that is late is asked for elsewhere."""

import asyncio
import time

import pytest
from django.core.management import call_command

from apps.budgets.models import Budget, Hold, Window
from apps.dashboard.waste import waste_report
from apps.gateway import metrics
from apps.gateway.types import CacheMode, CallSpec
from apps.ledger.models import Attempt, Entry
from apps.ledger.reports import Days
from apps.registry.models import Deployment
from apps.routing.models import Route, RouteTarget
from tests.factories import make_key
from tests.gateway.asgi import HELLO, Visit
from tests.gateway.conftest import make_call, run_calls
from tests.gateway.test_failing_providers import add_second

LATENCY = 0.1  # of the first deployment on good days
WARM = 40  # calls: a hedge needs 20 answers, and 20 calls for its budget


def spec(n=0, **values):
    messages = ({"role": "user", "content": f"number {n}"},)
    return CallSpec(model="chat", messages=messages, cache=CacheMode.BYPASS, **values)


@pytest.fixture
def hedged(runtime, shop, upstream):
    """“chat” goes to small-1, which has answered often enough to be late, then to small-2."""
    second = add_second(upstream)
    route = Route.objects.create(slug="chat", name="Chat")
    for position, target in enumerate((Deployment.objects.get(slug="small-1"), second), 1):
        RouteTarget.objects.create(route=route, deployment=target, position=position)
    upstream.behave(model="small", latency=LATENCY)
    run_calls(runtime, [make_call(shop, spec(n)) for n in range(WARM)])
    upstream.reset()
    Route.objects.update(hedge=True)
    return Attempt.objects.order_by("-id")[0].pk


def of_hedged(warmed):
    """(deployment, purpose, status, error) of what was sent since."""
    rows = Attempt.objects.filter(id__gt=warmed).order_by("number")
    return [(row.deployment, row.purpose, row.status, row.error_kind) for row in rows]


def start(runtime, shop, n=1, **values):
    runtime.config.refresh()
    work = runtime.pipeline.run(make_call(shop, spec(n), **values))
    return asyncio.run_coroutine_threadsafe(work, runtime.loop)


def drained(runtime):
    asyncio.run_coroutine_threadsafe(runtime.tasks.drain(20), runtime.loop).result(timeout=30)


def test_a_late_answer_comes_from_elsewhere_and_both_are_booked(runtime, shop, upstream, hedged):
    upstream.behave(model="small", hang="before_headers")
    before = metrics.HEDGES.labels("small-1", "won")._value.get()

    began = time.monotonic()
    outcome = start(runtime, shop).result(timeout=20)
    took = time.monotonic() - began

    assert (outcome.deployment, outcome.attempts) == ("small-2", 2)
    assert LATENCY < took < 5
    assert of_hedged(hedged) == [
        ("small-1", "answer", "unknown", "outrun"),
        ("small-2", "hedge", "succeeded", ""),
    ]
    late, hedge = Attempt.objects.filter(id__gt=hedged).order_by("number")
    assert hedge.why.startswith("hedge: “small-1” had not answered after 0.")
    booked = dict(Entry.objects.filter(request_id=late.request_id).values_list("kind", "purpose"))
    assert booked == {"estimate": "outrun", "charge": "hedge"}
    amounts = Entry.objects.filter(request_id=late.request_id).values_list("amount_pico", flat=True)
    assert outcome.cost_pico == sum(amounts)
    upstream.wait_until(lambda report: report["in_flight"] == 0)
    assert metrics.HEDGES.labels("small-1", "won")._value.get() == before + 1
    call_command("verify_ledger")  # raises when ledger, rollups and budgets differ


def test_the_waste_report_tells_what_hedging_costs(runtime, shop, upstream, hedged):
    upstream.behave(model="small", hang="before_headers")
    start(runtime, shop).result(timeout=20)

    today = Entry.objects.latest("at").at.date()
    report = waste_report(days=Days(today, today, "UTC"), dimension="service")

    calls = {column.label: requests for column, requests, _, _ in report.lines if requests}
    assert calls == {
        "Answers": WARM, "Answers by a hedge": 1, "Outrun by a hedge, or as one": 1
    }  # fmt: skip
    assert report.total.wasted == Entry.objects.get(purpose="outrun").amount_pico


def test_a_late_one_that_answers_first_after_all_is_the_answer(runtime, shop, upstream, hedged):
    upstream.behave(model="small", latency=4.0)  # late by what warm calls take when all are busy
    upstream.behave(model="small-second", hang="before_headers")

    outcome = start(runtime, shop).result(timeout=20)

    assert (outcome.deployment, outcome.attempts) == ("small-1", 2)
    assert of_hedged(hedged) == [
        ("small-1", "answer", "succeeded", ""),
        ("small-2", "hedge", "unknown", "outrun"),
    ]
    upstream.wait_until(lambda report: report["in_flight"] == 0)


def test_a_failing_hedge_harms_nobody(runtime, shop, upstream, hedged):
    upstream.behave(model="small", latency=1.0)
    upstream.behave(model="small-second", status=400)

    assert start(runtime, shop).result(timeout=20).deployment == "small-1"


def test_a_flood_of_late_calls_is_not_doubled(runtime, shop, upstream, hedged):
    upstream.behave(model="small", latency=1.5)

    outcomes = run_calls(runtime, [make_call(shop, spec(n)) for n in range(60)])

    assert len(outcomes) == 60
    calls = Attempt.objects.filter(deployment="small-1").count()
    hedges = Attempt.objects.filter(purpose="hedge").count()
    assert 1 <= hedges <= 0.05 * calls
    assert hedges <= 0.05 * WARM  # nothing of the flood had ended when it was late
    assert not Attempt.objects.filter(status="dispatched").exists()


def test_a_hedge_that_finds_no_room_in_a_budget_is_not_sent(runtime, shop, upstream, hedged):
    budget = {"slug": "all", "name": "All", "service": "shop", "on_exceeded": "cap"}
    Budget.objects.create(**budget, limit_pico=1500, min_output_tokens=1)  # a call holds 1,000 to
    upstream.behave(model="small", latency=1.0)  # 1,400; one at small-2 ten times as much

    refused = metrics.HEDGES.labels("small-1", "not_admitted")
    before = refused._value.get()

    call = make_call(shop, spec(1, parameters={"max_tokens": 400}))
    outcome = run_calls(runtime, [call])[0]

    assert (outcome.deployment, outcome.attempts, outcome.degraded) == ("small-1", 1, "")
    assert of_hedged(hedged) == [("small-1", "answer", "succeeded", "")]
    assert (len(upstream.log()), refused._value.get()) == (1, before + 1)


def test_a_hard_budget_is_never_overspent_by_races(runtime, shop, upstream, hedged):
    limit = 40_000
    Budget.objects.create(slug="all", name="All", service="shop", limit_pico=limit)
    upstream.behave(model="small", latency=0.6)
    upstream.behave(model="small-second", latency=0.6)

    calls = [make_call(shop, spec(n, parameters={"max_tokens": 200})) for n in range(60)]
    run_calls(runtime, calls, raising=False)
    drained(runtime)

    window = Window.objects.get()
    assert window.posted_pico + window.held_pico <= limit
    assert Attempt.objects.filter(purpose="hedge").exists()
    call_command("verify_ledger")


def test_a_caller_that_leaves_aborts_both(runtime, shop, upstream, hedged):
    upstream.behave(hang="before_headers")
    future = start(runtime, shop)
    upstream.wait_until(lambda report: report["in_flight"] == 2)

    future.cancel()
    upstream.wait_until(lambda report: report["in_flight"] == 0)
    drained(runtime)

    assert of_hedged(hedged) == [
        ("small-1", "answer", "unknown", "cancelled"),
        ("small-2", "hedge", "unknown", "cancelled"),
    ]
    assert Hold.objects.filter(status="held").count() == 2


def test_what_must_not_be_repeated_is_not_asked_twice(runtime, shop, upstream, hedged):
    upstream.behave(model="small", latency=1.0)

    start(runtime, shop, repeat_unknown=False).result(timeout=20)

    assert len(of_hedged(hedged)) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_can_ask_and_a_stream_has_one_source(runtime, shop, upstream, hedged, stream):
    upstream.behave(model="small", latency=1.0)
    visit = Visit(runtime, make_key(shop))
    body = {"model": "chat", "messages": [HELLO], "stream": stream}
    runtime.config.refresh()

    visit.start(body=body, headers={"x-llm-explain": "1"}).result(timeout=20)

    assert visit.status == 200
    assert "takes longer than 95 of 100 answers (after 0." in visit.headers["x-llm-explain"]
    assert len(of_hedged(hedged)) == (1 if stream else 2)
