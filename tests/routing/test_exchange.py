"""Processes tell each other how busy deployments are, and decide alone while Redis is away."""

import asyncio

import pytest
import redis.asyncio

from apps.core.redis import async_client, client
from apps.routing.exchange import KEY, Exchange, overheard
from apps.routing.health import Health
from apps.routing.loads import Loads
from apps.routing.types import AttemptResult
from tests.routing.test_strategies import Clock, deployment


@pytest.fixture(autouse=True)
def clean_redis():
    client().flushdb()


def exchange_of(loads, redis, health=None):
    return Exchange(loads=loads, health=health or Health(), redis=redis)


def run(work):
    return asyncio.run(work)


def test_what_one_sees_the_other_hears():
    async def scene():
        redis = async_client()
        busy, other = Loads(), Loads()
        here, there = exchange_of(busy, redis), exchange_of(other, redis)
        busy.began(deployment("a"))
        busy.began(deployment("a"))
        busy.observe(deployment("a"), seconds=2.0, outcome=AttemptResult.ANSWERED)
        await here.once()
        await there.once()
        await redis.aclose()
        return other

    heard = run(scene())
    assert heard.in_flight("a") == 1
    assert heard.latency("a") == pytest.approx(2.0, rel=0.2)
    assert overheard()[0].in_flight("a") == 1


def test_one_that_repeats_itself_is_dead_whatever_its_clock_says():
    """Its field stays the same: what was heard grows old, and at last the field is removed."""

    async def scene():
        redis, clock = async_client(), Clock()
        dead, living = Loads(), Loads(clock)
        dead.began(deployment("a"))
        await exchange_of(dead, redis).once()
        exchange, seen = exchange_of(living, redis), []
        for _ in range(40):
            await exchange.once()
            clock.now += 1
            seen.append(living.in_flight("a"))
        fields = await redis.hlen(KEY)
        await redis.aclose()
        return seen, fields

    seen, fields = run(scene())
    assert seen[:4] == [1] * 4
    assert seen[5:] == [0] * 35
    assert fields == 1


def test_what_nobody_can_read_says_nothing():
    client().hset(KEY, "stranger", b"not json")
    client().hset(KEY, "older", b'{"n": 1, "loads": {"a": 5}}')
    assert overheard()[0].in_flight("a") == 0


def test_it_stops_although_its_client_swallows_a_cancellation(monkeypatch):
    """As a client may that turns it into a time-out: the round goes on, and so did we, for ever."""
    rounds = []

    async def scene():
        redis_client = async_client()
        exchange = exchange_of(Loads(), redis_client)

        async def once():
            rounds.append(1)
            try:
                await asyncio.sleep(0.2)
            except asyncio.CancelledError:
                raise redis.RedisError("timed out") from None

        monkeypatch.setattr(exchange, "once", once)
        exchange.start()
        await asyncio.sleep(0)
        await asyncio.wait_for(exchange.stop(), 20)
        await redis_client.aclose()

    run(scene())
    assert rounds == [1]


def test_without_redis_a_process_knows_itself():
    async def scene():
        away = redis.asyncio.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2)
        loads = Loads()
        exchange = exchange_of(loads, away)
        exchange.start()
        loads.began(deployment("a"))
        await asyncio.sleep(0)
        with pytest.raises(redis.RedisError):
            await exchange.once()
        await exchange.stop()
        await away.aclose()
        return loads.in_flight("a")

    assert run(scene()) == 1


def test_what_rests_at_one_rests_at_the_other():
    async def scene():
        redis = async_client()
        here, there = Health(), Health()
        for _ in range(5):
            with here.permit(deployment("a")) as permit:
                here.ended(permit, seconds=1, outcome=AttemptResult.FAILED)
        await exchange_of(Loads(), redis, here).once()
        await exchange_of(Loads(), redis, there).once()
        await redis.aclose()
        return there

    assert run(scene()).rest(deployment("a")).seconds > 4
    assert overheard()[1].rest(deployment("a")).seconds > 3
