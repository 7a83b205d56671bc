"""Asking a Redis that may be away: a moment for one, nothing for the others."""

import time
from concurrent.futures import ThreadPoolExecutor

from apps.core.redis import _CONNECT_TIMEOUT, _Away, ask, client


def ping(_: int = 0) -> tuple[bool | None, float]:
    started = time.monotonic()
    return ask(lambda redis: redis.ping()), time.monotonic() - started


def test_it_answers():
    assert ping()[0] is True


def test_one_that_is_not_there(redis_at):
    redis_at("redis://127.0.0.1:1")
    assert ping()[0] is None


def test_after_a_failure_nobody_waits(redis_at, silent_redis):
    redis_at(silent_redis)
    first, others = ping(), [ping() for _ in range(100)]

    assert first[0] is None
    assert _CONNECT_TIMEOUT <= first[1] < 3
    assert sum(seconds for _, seconds in others) < _CONNECT_TIMEOUT


def test_after_the_pause_one_caller_waits_and_the_others_go_on(redis_at, silent_redis):
    redis_at(silent_redis)
    _Away.until = time.monotonic() - 1  # it was away, and the pause is over
    with ThreadPoolExecutor(16) as pool:
        waits = sorted(seconds for _, seconds in pool.map(ping, range(16)))

    assert waits[-1] >= _CONNECT_TIMEOUT
    assert waits[-2] < _CONNECT_TIMEOUT


def test_when_it_is_back_everybody_asks_again(redis_at, settings):
    here = settings.REDIS_URL
    redis_at("redis://127.0.0.1:1")
    ping()
    settings.REDIS_URL = here
    _Away.until = time.monotonic() - 1
    client.cache_clear()
    assert [ping()[0], ping()[0]] == [True, True]
