"""A deployment that pushes calls back gets as many at once as it bears; the rest go elsewhere or
wait their turn."""

from apps.budgets.models import Hold
from apps.gateway.types import CallRefused, CallSpec
from apps.ledger.models import Attempt
from tests.gateway.conftest import make_call, run_calls
from tests.gateway.test_failing_providers import add_second

WAY_BACK = {"retry-after": "0"}  # no cooldown: only places keep calls away


def many(shop, count, seconds=20, start=0):
    texts = (f"hello {n}" for n in range(start, start + count))
    specs = (CallSpec(model="small", messages=({"role": "user", "content": t},)) for t in texts)
    return [make_call(shop, spec, seconds) for spec in specs]


def push_back(runtime, shop, upstream, count):
    """`count` calls at once at one that bears four, and what it may have at once then."""
    upstream.behave(model="small", at_once=4, latency=0.3, headers=WAY_BACK)
    run_calls(runtime, many(shop, count, start=1000), raising=False)
    upstream.reset()
    (places,) = (p for s, p in runtime.pipeline._health._places.items() if s == "small-1")
    return places


def test_after_a_push_back_fewer_are_sent_at_once_and_all_are_answered(runtime, shop, upstream):
    places = push_back(runtime, shop, upstream, 8)
    assert 1 <= places.limit <= 5
    before, most = places.limit, places.limit + 10
    upstream.behave(model="small", latency=0.05)

    outcomes = run_calls(runtime, many(shop, most))

    assert [outcome.attempts for outcome in outcomes] == [1] * most
    assert before <= upstream.report()["in_flight_max"] <= places.limit
    assert (places.taken, places.waiting) == (0, 0)
    assert not Hold.objects.filter(status="held").exists()


def test_when_one_is_full_another_of_the_route_is_taken_first(runtime, shop, upstream):
    places = push_back(runtime, shop, upstream, 8)
    add_second(upstream)
    upstream.behave(model="small", latency=1.0)
    calls = many(shop, 12)

    outcomes = run_calls(runtime, calls)

    by = [outcome.deployment for outcome in outcomes]
    assert 1 <= by.count("small-1") <= places.limit
    assert by.count("small-1") + by.count("small-2") == 12


def test_no_more_wait_than_can_be_answered_soon_and_the_refusal_says_so(runtime, shop, upstream):
    places = push_back(runtime, shop, upstream, 8)
    upstream.behave(model="small", latency=0.3)
    limit, sent = places.limit, Attempt.objects.count()

    results = run_calls(runtime, many(shop, 40), raising=False)

    refused = [result for result in results if isinstance(result, CallRefused)]
    assert len(refused) == 40 - limit - places.most_waiting
    assert {(r.code, r.status, r.attempts, r.retry_after) for r in refused} == {
        ("no_deployment", 503, 0, 1.0)
    }
    assert "small-1: it answers as many calls as it bears" in refused[0].message
    assert Attempt.objects.count() == sent + 40 - len(refused)


def test_who_waits_for_a_place_is_refused_before_its_deadline(runtime, shop, upstream):
    places = push_back(runtime, shop, upstream, 8)
    upstream.behave(model="small", latency=3.0)
    long = many(shop, places.limit, seconds=20)

    results = run_calls(runtime, [*long, *many(shop, 1, seconds=1, start=500)], raising=False)

    assert (results[-1].code, results[-1].attempts) == ("no_deployment", 0)
    assert len(upstream.log()) == len(long)


def test_a_deployment_that_never_pushed_back_is_not_limited(runtime, shop, upstream):
    upstream.behave(model="small", latency=0.5)

    run_calls(runtime, many(shop, 60))

    assert upstream.report()["in_flight_max"] == 60
