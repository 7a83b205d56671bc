"""What the limiter does when its process, its Redis or its clock fails."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from apps.access.limits import LEASE, PROCESSES, RETRY_REDIS
from apps.core.redis import client
from tests.access.limiter import Clock, caller_with, close, limiter_on, run, settled
from tests.fakes.proxy import proxied
from tests.servers import ROOT, environment

HOUR = 3_600_000


async def grants(limiter, caller, count, *, tokens=0):
    return [await limiter.take(caller=caller, tokens=tokens, max_wait=0) for _ in range(count)]


def allowed(results):
    return sum(grant.allowed for grant in results)


def limited(test):
    """Run a coroutine function with a limiter on a clock of its own."""

    def wrapper():
        async def body():
            clock = Clock()
            limiter = limiter_on(clock)
            try:
                await test(limiter, clock)
            finally:
                await close(limiter)

        run(body())

    wrapper.__name__ = test.__name__
    return wrapper


@limited
async def test_unused_tokens_come_back_and_overuse_is_owed(limiter, clock):
    caller = caller_with(tokens_per_minute=6000)
    (grant,) = await grants(limiter, caller, 1, tokens=5000)
    limiter.give_back(grant, tokens=1000)
    await settled(limiter)
    (second,) = await grants(limiter, caller, 1, tokens=1000)
    limiter.give_back(second, tokens=5500)
    await settled(limiter)

    (third,) = await grants(limiter, caller, 1, tokens=1)

    assert second.levels[0].remaining == 4000
    assert not third.allowed
    assert third.refused == "tokens"
    assert third.retry_after == pytest.approx(501 / 100, abs=0.002)  # owes 500, 100 flow a second


@limited
async def test_calls_at_once_are_counted_and_freed(limiter, clock):
    caller = caller_with(concurrent_calls=2)
    first, second, third = await grants(limiter, caller, 3)
    limiter.give_back(first, tokens=None)
    await settled(limiter)
    (fourth,) = await grants(limiter, caller, 1)

    assert [first.allowed, second.allowed, third.allowed, fourth.allowed] == [1, 1, 0, 1]
    assert (third.refused, third.retry_after) == ("concurrent", 1.0)


def test_a_job_waits_for_a_slot():
    async def body():
        limiter = limiter_on(Clock())
        caller = caller_with(concurrent_calls=1)
        (first,) = await grants(limiter, caller, 1)
        waiting = asyncio.create_task(limiter.take(caller=caller, tokens=0, max_wait=30))
        await asyncio.sleep(0)
        limiter.give_back(first, tokens=None)
        grant = await waiting
        await close(limiter)
        return grant

    assert run(body()).allowed


@limited
async def test_an_emptied_redis_grants_no_second_burst(limiter, clock):
    caller = caller_with(requests_per_second=1, burst=10)
    assert allowed(await grants(limiter, caller, 20)) == 10

    client().flushdb()
    client().script_flush()

    assert allowed(await grants(limiter, caller, 20)) == 0
    clock.now += 3000
    assert allowed(await grants(limiter, caller, 20)) == 3


@limited
async def test_lost_slots_are_leased_again(limiter, clock):
    caller = caller_with(concurrent_calls=2)
    await grants(limiter, caller, 2)
    client().flushdb()
    key = f"limit:{caller.service}:slots"
    await limiter._renew(key, list(limiter._held[caller.service]))

    assert allowed(await grants(limiter, caller, 1)) == 0


@limited
async def test_a_clock_that_jumps_back_blocks_nobody(limiter, clock):
    caller = caller_with(requests_per_second=1, burst=10)
    await grants(limiter, caller, 10)
    clock.now -= HOUR
    assert allowed(await grants(limiter, caller, 5)) == 0

    clock.now += 3000

    assert allowed(await grants(limiter, caller, 20)) == 3


@limited
async def test_a_clock_that_jumps_ahead_grants_one_burst_at_most(limiter, clock):
    caller = caller_with(requests_per_second=1, burst=10)
    await grants(limiter, caller, 10)

    clock.now += HOUR

    assert allowed(await grants(limiter, caller, 50)) == 10


@limited
async def test_slots_survive_a_clock_that_jumps(limiter, clock):
    caller = caller_with(concurrent_calls=2)
    await grants(limiter, caller, 2)
    for jump in (-HOUR, 2 * HOUR):
        clock.now += jump
        key = f"limit:{caller.service}:slots"
        await limiter._renew(key, list(limiter._held[caller.service]))

        assert allowed(await grants(limiter, caller, 1)) == 0


def behind_a_proxy(test):
    """The limiter's Redis is behind a proxy that can be cut."""

    def wrapper(settings):
        address = urlsplit(settings.REDIS_URL)
        with proxied(address.hostname, address.port) as proxy:
            settings.REDIS_URL = settings.REDIS_URL.replace(f":{address.port}", f":{proxy.port}")

            async def body():
                clock = Clock()
                limiter = limiter_on(clock)
                try:
                    await test(limiter, clock, proxy)
                finally:
                    proxy.mend()
                    await close(limiter)

            run(body())

    wrapper.__name__ = test.__name__
    return wrapper


@behind_a_proxy
async def test_while_redis_is_away_a_process_grants_its_share(limiter, clock, proxy):
    caller = caller_with(requests_per_second=10, burst=40, concurrent_calls=100)
    client().delete(PROCESSES)
    client().zadd(PROCESSES, dict.fromkeys(("b", "c", "d"), clock.now + LEASE * 1000))
    await grants(limiter, caller, 1)
    limiter._processes = await limiter._renew(PROCESSES, [limiter._id])
    clock.now += HOUR
    proxy.cut()

    results = await grants(limiter, caller, 60)

    assert allowed(results) == 10  # a quarter of 40
    assert {grant.is_local for grant in results} == {True}
    clock.now += 2000
    assert allowed(await grants(limiter, caller, 60)) == 5  # a quarter of 10 a second


@behind_a_proxy
async def test_redis_comes_back_without_a_burst(limiter, clock, proxy):
    caller = caller_with(requests_per_second=10, burst=40)
    await grants(limiter, caller, 40)
    proxy.cut()
    for _ in range(10):
        clock.now += 500
        await grants(limiter, caller, 10)
    proxy.mend()
    clock.now += int(RETRY_REDIS * 1000) + 1

    results = await grants(limiter, caller, 60)

    assert {grant.is_local for grant in results} == {False}
    assert allowed(results) == 10  # of the last second, not the 40 that Redis let flow meanwhile


HOLDER = """
import asyncio, django
django.setup()
from apps.access.types import Caller, TierLimits
from apps.access.limits import RateLimiter
from apps.core.redis import async_client
async def hold():
    limiter = RateLimiter(async_client())
    caller = Caller(1, "killed", "team", "cc", TierLimits("tier", 0, 0, 0, 3))
    for _ in range(3):
        assert (await limiter.take(caller=caller, tokens=0, max_wait=0)).allowed
    print("held", flush=True)
    await asyncio.sleep(600)
asyncio.run(hold())
"""


def test_a_killed_process_frees_its_slots_when_their_lease_ends():
    client().delete("limit:killed:slots")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER], cwd=ROOT, env=environment(), stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout.readline() == b"held\n"
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    seconds, micros = client().time()
    clock = Clock(seconds * 1000 + micros // 1000)
    caller = replace(caller_with(concurrent_calls=3), service="killed")

    async def body():
        limiter = limiter_on(clock)
        held = await grants(limiter, caller, 1)
        clock.now += int(LEASE * 1000) + 1
        freed = await grants(limiter, caller, 4)
        await close(limiter)
        return allowed(held), allowed(freed)

    assert run(body()) == (0, 3)
