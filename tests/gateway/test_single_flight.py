"""Equal requests that are under way at the same time wait for one call."""

import asyncio
import time

import pytest

from apps.cache import generations
from apps.cache.types import Handle, Scope
from apps.core.redis import async_client, client
from apps.gateway.runtime import Runtime
from apps.gateway.types import CacheMode, CallRefused, CallSpec
from apps.ledger.models import Entry
from tests.gateway.conftest import make_call, run_calls


def spec(text="the same question", **values):
    return CallSpec(model="small", messages=({"role": "user", "content": text},), **values)


def start(runtime, call):
    """A call that runs while the test goes on."""
    runtime.config.refresh()
    return asyncio.run_coroutine_threadsafe(runtime.pipeline.run(call), runtime.loop)


@pytest.fixture
def other_process(transactional_db, clean_redis, shop):
    """A second runtime: another event loop, another configuration, nothing shared but Redis."""
    runtime = Runtime()
    runtime.start()
    yield runtime
    runtime.stop(grace_seconds=5)


def states(results):
    return sorted(getattr(result, "cache", None) or result.code for result in results)


def test_many_equal_requests_are_one_call_and_the_others_are_hits(runtime, shop, upstream):
    upstream.behave(latency=0.3)

    results = run_calls(runtime, [make_call(shop, spec()) for _ in range(50)])

    assert len(upstream.log()) == 1
    assert states(results) == ["coalesced"] * 49 + ["miss"]
    assert len({result.text for result in results}) == 1
    charge = Entry.objects.get(kind="charge")
    hits = Entry.objects.filter(kind="cache_hit")
    assert {(hit.amount_pico, hit.avoided_pico) for hit in hits} == {(0, charge.amount_pico)}
    assert hits.count() == 49


def test_a_burst_of_equal_requests_reads_the_cache_a_few_times(
    runtime, shop, upstream, monkeypatch
):
    reader = runtime.pipeline._cache._reader
    asked, reads = [], reader._ask  # not the server's count, which has the reads of others too

    async def counted(wanted):
        asked.append(wanted)
        return await reads(wanted)

    monkeypatch.setattr(reader, "_ask", counted)
    run_calls(runtime, [make_call(shop, spec()) for _ in range(300)])

    assert 1 <= len(asked) < 30


def test_a_burst_waits_for_connections(monkeypatch):
    monkeypatch.setattr("apps.core.redis._CONNECT_TIMEOUT", 30)  # a busy machine is not the point
    monkeypatch.setattr("apps.core.redis._QUEUE_TIMEOUT", 30)

    async def burst():
        async with async_client() as redis:
            return await asyncio.gather(*(redis.get(f"nothing-{n}") for n in range(300)))

    assert asyncio.run(burst()) == [None] * 300


def test_other_requests_and_other_services_do_not_wait(runtime, shop, upstream):
    upstream.behave(latency=0.3)
    calls = [make_call(shop, spec(f"question {number}")) for number in range(5)]
    calls += [make_call(shop, spec(cache=CacheMode.BYPASS)) for _ in range(3)]
    calls += [make_call(shop, spec(cache=CacheMode.REFRESH)) for _ in range(2)]

    assert states(run_calls(runtime, calls)) == ["bypass"] * 3 + ["miss"] * 7
    assert len(upstream.log()) == 10


def test_another_process_waits_for_the_call_too(runtime, other_process, shop, upstream):
    upstream.behave(latency=1)
    leader = start(runtime, make_call(shop, spec()))
    upstream.wait_until(lambda report: report["in_flight"] == 1)

    results = run_calls(other_process, [make_call(shop, spec()) for _ in range(5)])

    assert states([leader.result(timeout=30), *results]) == ["coalesced"] * 5 + ["miss"]
    assert len(upstream.log()) == 1


def test_the_lease_is_renewed_while_the_call_runs(runtime, shop, upstream):
    upstream.behave(latency=3)
    leader = start(runtime, make_call(shop, spec()))
    upstream.wait_until(lambda report: report["in_flight"] == 1)
    (name,) = client().keys("cache:flight:*")

    last = client().pttl(name)
    while (left := client().pttl(name)) <= last:
        assert left > 0, "it ran out, or nobody renewed it before the call ended"
        last = left
        time.sleep(0.01)
    assert leader.result(timeout=30).cache == "miss"
    assert not client().exists(name), "given back at the end"


def test_when_the_leader_fails_one_of_the_others_leads(runtime, shop, upstream):
    upstream.behave(status=500, times=3, latency=0.1)  # as often as one call tries

    calls = [make_call(shop, spec(), seconds=60) for _ in range(20)]
    results = run_calls(runtime, calls, raising=False)

    assert states(results) == ["coalesced"] * 18 + ["miss", "provider_failed"]
    assert len(upstream.log()) == 4


def test_when_every_leader_fails_the_others_learn_it_without_calling(runtime, shop, upstream):
    upstream.behave(status=409, latency=0.1)  # tried again, and no reason for it to rest

    calls = [make_call(shop, spec(), seconds=60) for _ in range(30)]
    results = run_calls(runtime, calls, raising=False)

    assert states(results) == ["provider_failed"] * 30
    assert len(upstream.log()) == 9, "three leaders, three attempts each"


def test_deadlines_of_leaders_are_no_failures_of_the_others(runtime, shop, upstream):
    # Longer than any of the hurried has. Whether each of them gets to be the leader is a matter of
    # moments; a patient one that gets a slow answer waits for it.
    upstream.behave(latency=8, times=4)
    hurried = [start(runtime, make_call(shop, spec(), seconds=0.5 + n)) for n in range(4)]
    patient = start(runtime, make_call(shop, spec(), seconds=60))

    for call in hurried:
        with pytest.raises(CallRefused) as refused:
            call.result(timeout=30)
        assert refused.value.code == "deadline_exceeded"
    assert patient.result(timeout=60).text


def test_nobody_waits_beyond_its_own_deadline(runtime, other_process, shop, upstream):
    upstream.behave(latency=4)
    leader = start(runtime, make_call(shop, spec(), seconds=60))
    upstream.wait_until(lambda report: report["in_flight"] == 1)

    for process in (runtime, other_process):
        (late,) = run_calls(process, [make_call(shop, spec(), seconds=0.5)], raising=False)
        assert isinstance(late, CallRefused)
        assert (late.code, late.attempts) == ("deadline_exceeded", 0)
    assert not leader.done(), "they gave up before the answer came"
    assert leader.result(timeout=60).cache == "miss"
    assert len(upstream.log()) == 1


def test_a_leader_that_is_cancelled_is_replaced(runtime, shop, upstream):
    upstream.behave(latency=30, times=1)
    leader = start(runtime, make_call(shop, spec(), seconds=60))
    upstream.wait_until(lambda report: report["in_flight"] == 1)
    follower = start(runtime, make_call(shop, spec(), seconds=60))
    leader.cancel()

    assert follower.result(timeout=60).cache == "miss"
    assert len(upstream.log()) == 2


def test_an_answer_that_may_not_be_shared_makes_everybody_call(runtime, shop, upstream):
    upstream.behave(finish_reason="content_filter", latency=0.3)

    calls = [make_call(shop, spec(), seconds=60) for _ in range(4)]
    run_calls(runtime, calls, raising=False)

    assert len(upstream.log()) >= 4
    assert not Entry.objects.filter(kind="cache_hit").exists()


def test_after_an_invalidation_nobody_joins_a_call_from_before_it(runtime, shop, upstream):
    upstream.behave(latency=1, times=1)
    before = start(runtime, make_call(shop, spec(context=("product-7",))))
    upstream.wait_until(lambda report: report["in_flight"] == 1)
    generations.renew(Scope("shop", Handle.TAG, "product-7"))

    after = start(runtime, make_call(shop, spec(context=("product-7",)))).result(timeout=30)

    assert after.cache == "miss"
    assert before.result(timeout=30).cache == "miss"
    (last,) = run_calls(runtime, [make_call(shop, spec(context=("product-7",)))])
    assert last.cache == "hit", "the answer from after the invalidation stays"
    assert len(upstream.log()) == 2


def test_without_redis_a_process_still_makes_one_call(transactional_db, settings, shop, upstream):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    alone = Runtime()
    alone.start()
    upstream.behave(latency=0.3)
    try:
        results = run_calls(alone, [make_call(shop, spec()) for _ in range(20)])
    finally:
        alone.stop(grace_seconds=5)

    assert states(results) == ["coalesced"] * 19 + ["miss"]
    assert len(upstream.log()) == 1
