"""Shadow copies against the real upstream: never answered from, booked to their payer, capped."""

import asyncio

import pytest
from django.core.management import call_command

from apps.budgets.models import Budget, Window
from apps.gateway.types import CallSpec
from apps.ledger.models import Attempt, Entry
from apps.routing.models import Route, RouteTarget
from tests.factories import make_model, make_priced_deployment, make_provider, make_service
from tests.gateway.conftest import make_call, run_calls


@pytest.fixture
def route(shop, upstream):
    """“chat” is answered by small-1; every call is copied to new-1, paid by “shadow”."""
    new = make_priced_deployment(
        provider=make_provider(upstream.url), model=make_model("new"), slug="new-1",
        input_pico=1, output_pico=2,
    )  # fmt: skip
    route = Route.objects.create(
        slug="chat", name="Chat", shadow_deployment=new, shadow_percent=100,
        shadow_payer=make_service("shadow"),
    )  # fmt: skip
    from apps.registry.models import Deployment

    RouteTarget.objects.create(
        route=route, deployment=Deployment.objects.get(slug="small-1"), position=1
    )
    return route


def make_budget(limit_pico):
    fixed = {"slug": "shadow", "name": "Shadow", "service": "shadow"}
    return Budget.objects.create(**fixed, limit_pico=limit_pico)


def call(runtime, shop, n=1, **values):
    """Run calls, and wait until the copies have ended too."""
    spec = {"model": "chat", "messages": ({"role": "user", "content": f"number {n}"},), **values}
    (outcome,) = run_calls(runtime, [make_call(shop, CallSpec(**spec))])
    asyncio.run_coroutine_threadsafe(runtime.tasks.drain(20), runtime.loop).result(timeout=30)
    return outcome


def copies():
    return Attempt.objects.filter(purpose="shadow")


def test_a_copy_is_booked_to_its_payer_and_answers_nobody(runtime, shop, route, upstream):
    make_budget(10**9)

    outcome = call(runtime, shop, context=("campaign",))

    assert (outcome.deployment, outcome.attempts) == ("small-1", 1)
    assert sorted(entry["model"] for entry in upstream.log()) == ["new", "small"]
    copy = copies().get()
    assert (copy.service, copy.deployment, copy.status) == ("shadow", "new-1", "succeeded")
    assert (copy.job_id, copy.tags, copy.why) == (None, [], "shadow copy")
    booked = Entry.objects.get(service="shadow")
    assert (booked.purpose, booked.amount_pico > 0) == ("shadow", True)
    assert Window.objects.get().posted_pico == booked.amount_pico
    assert Entry.objects.get(service="shop").amount_pico == outcome.cost_pico
    call_command("verify_ledger")  # raises when ledger, rollups and budgets differ


def test_a_failing_candidate_harms_nobody(runtime, shop, route, upstream):
    make_budget(10**9)
    upstream.behave(model="new", status=500)

    outcome = call(runtime, shop)

    assert (outcome.deployment, outcome.attempts) == ("small-1", 1)
    assert copies().get().status == "failed"
    assert not Entry.objects.filter(service="shadow").exists()


def test_a_hanging_candidate_delays_nobody(runtime, shop, route, upstream):
    make_budget(10**9)
    upstream.behave(model="new", hang="before_headers")

    spec = CallSpec(model="chat", messages=({"role": "user", "content": "hi"},))
    (outcome,) = run_calls(runtime, [make_call(shop, spec)])

    assert outcome.deployment == "small-1"
    assert not copies().exclude(status="dispatched").exists()


def test_copies_end_with_their_budget_and_calls_go_on(runtime, shop, route, upstream):
    make_budget(2150)  # a copy holds some 2,085 and costs 10

    outcomes = [call(runtime, shop, n, parameters={"max_tokens": 1000}) for n in range(14)]

    assert {outcome.deployment for outcome in outcomes} == {"small-1"}
    sent = [entry["model"] for entry in upstream.log()]
    assert sent.count("small") == 14
    assert 0 < sent.count("new") == copies().count() < 14
    window = Window.objects.get()
    assert window.posted_pico + window.held_pico <= 2150


def test_without_a_hard_budget_of_the_payer_nothing_is_copied(runtime, shop, route, upstream):
    Budget.objects.create(slug="all", name="All", limit_pico=10**12)
    call(runtime, shop)
    assert [entry["model"] for entry in upstream.log()] == ["small"]
    assert not copies().exists()


def test_a_copy_keeps_the_residency_of_the_original(runtime, shop, route, upstream):
    from apps.registry.models import Deployment

    make_budget(10**9)
    Deployment.objects.filter(slug="small-1").update(region="eu-west-1")
    Deployment.objects.filter(slug="new-1").update(region="us-east-1")
    shop.regions = ["eu"]
    shop.save()

    call(runtime, shop)

    assert [entry["model"] for entry in upstream.log()] == ["small"]
