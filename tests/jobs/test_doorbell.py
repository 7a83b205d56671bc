"""Waking workers: coalesced, and allowed to fail."""

import time

from apps.core import redis as our_redis
from apps.jobs.models import Priority
from apps.jobs.services import doorbell
from tests.jobs.bells import rung


def test_bells_that_nobody_heard_yet_are_one(waiting_bells):
    for _ in range(20):
        doorbell.ring(priority=Priority.NORMAL)
    doorbell.ring(priority=Priority.LOW)

    assert waiting_bells() == {"normal": 1, "low": 1}


def test_after_it_was_heard_it_rings_anew(waiting_bells):
    doorbell.ring(priority=Priority.NORMAL)
    rung()
    doorbell.hear(queue="normal")
    doorbell.ring(priority=Priority.NORMAL)

    assert waiting_bells() == {"normal": 2}


def test_a_bell_that_was_lost_is_silent_for_a_moment_only():
    doorbell.ring(priority=Priority.HIGH)
    rung()

    assert 0 < our_redis.client().pttl("jobs:rung:high") <= doorbell.QUIET_MS


def test_the_message_carries_no_data(raw_messages):
    doorbell.ring(priority=Priority.HIGH)
    rung()

    (message,) = raw_messages("high")
    assert message["headers"]["task"] == "jobs.ring"
    assert (message["headers"]["argsrepr"], message["headers"]["kwargsrepr"]) == ("()", "{}")


def test_without_redis_nothing_is_raised(redis_at):
    redis_at("redis://127.0.0.1:1/0")

    doorbell.ring(priority=Priority.NORMAL)
    rung()
    doorbell.hear(queue="normal")


def test_nobody_who_rings_waits_for_a_hanging_redis(redis_at, silent_redis):
    redis_at(silent_redis)

    started = time.monotonic()
    for priority in list(Priority) * 100:
        doorbell.ring(priority=priority)
    assert time.monotonic() - started < 0.4  # it is given up after 0.5 s
    rung()


def test_when_redis_is_back_everybody_rings_again(redis_at, waiting_bells, settings):
    here = settings.REDIS_URL
    redis_at("redis://127.0.0.1:1/0")
    doorbell.ring(priority=Priority.NORMAL)
    rung()
    redis_at(here)

    doorbell.ring(priority=Priority.NORMAL)
    doorbell.ring(priority=Priority.LOW)

    assert waiting_bells() == {"normal": 1, "low": 1}
