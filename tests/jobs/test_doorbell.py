"""Waking workers: coalesced, and allowed to fail."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from apps.core import redis as our_redis
from apps.jobs.models import Priority
from apps.jobs.services import doorbell


def test_bells_that_nobody_heard_yet_are_one(waiting_bells):
    for _ in range(20):
        doorbell.ring(priority=Priority.NORMAL)
    doorbell.ring(priority=Priority.LOW)

    assert waiting_bells() == {"normal": 1, "low": 1}


def test_after_it_was_heard_it_rings_anew(waiting_bells):
    doorbell.ring(priority=Priority.NORMAL)
    doorbell.hear(queue="normal")
    doorbell.ring(priority=Priority.NORMAL)

    assert waiting_bells() == {"normal": 2}


def test_a_bell_that_was_lost_is_silent_for_a_moment_only():
    doorbell.ring(priority=Priority.HIGH)

    assert 0 < our_redis.client().pttl("jobs:rung:high") <= doorbell.QUIET_MS


def test_the_message_carries_no_data(raw_messages):
    doorbell.ring(priority=Priority.HIGH)

    (message,) = raw_messages("high")
    assert message["headers"]["task"] == "jobs.ring"
    assert (message["headers"]["argsrepr"], message["headers"]["kwargsrepr"]) == ("()", "{}")


@pytest.fixture
def redis_at(settings):
    """Point at another Redis; the process-wide client is made anew."""

    def point(url: str) -> None:
        settings.REDIS_URL = url
        our_redis.client.cache_clear()

    yield point
    our_redis.client.cache_clear()
    doorbell._pause.until = 0.0


def test_without_redis_nothing_is_raised(redis_at):
    redis_at("redis://127.0.0.1:1/0")

    doorbell.ring(priority=Priority.NORMAL)
    doorbell.hear(queue="normal")


def test_a_hanging_redis_costs_a_moment(redis_at):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        redis_at(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        started = time.monotonic()
        doorbell.ring(priority=Priority.NORMAL)

    assert time.monotonic() - started < 3


def test_after_a_failure_nobody_waits_for_a_hanging_redis_again(redis_at):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        redis_at(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        doorbell.ring(priority=Priority.NORMAL)
        started = time.monotonic()
        for _ in range(100):
            doorbell.ring(priority=Priority.NORMAL)

    assert time.monotonic() - started < 0.5


def test_after_the_pause_one_caller_waits_and_the_others_go_on(redis_at):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        redis_at(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        doorbell._pause.until = time.monotonic() - 1  # it was away, and the pause is over
        with ThreadPoolExecutor(16) as pool:
            waits = sorted(pool.map(seconds_to_ring, range(16)))

    assert waits[-1] >= doorbell.RING_SECONDS
    assert waits[-2] < doorbell.RING_SECONDS


def seconds_to_ring(_: int) -> float:
    started = time.monotonic()
    doorbell.ring(priority=Priority.NORMAL)
    return time.monotonic() - started


def test_when_redis_is_back_everybody_rings_again(waiting_bells):
    doorbell._pause.until = time.monotonic() - 1

    doorbell.ring(priority=Priority.NORMAL)
    doorbell.ring(priority=Priority.LOW)

    assert waiting_bells() == {"normal": 1, "low": 1}
