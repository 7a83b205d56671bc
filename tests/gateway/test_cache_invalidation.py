"""What was invalidated is never given again, in any process, whatever Redis loses."""

import asyncio

import pytest
from django.core.exceptions import ValidationError
from django.db import ProgrammingError, transaction

from apps.cache.models import CacheEpoch, Invalidation
from apps.cache.services import invalidate
from apps.cache.types import EVERY_SERVICE, Handle, Scope
from apps.core.clock import db_now
from apps.core.redis import client
from apps.gateway.runtime import Runtime
from apps.gateway.types import CallSpec
from apps.prompts.models import Channel
from tests.factories import make_service
from tests.gateway.conftest import make_call, run_calls
from tests.gateway.test_prompts_and_arms import version_of

TAGGED = ("product-7", "summer")


@pytest.fixture
def processes(runtime, shop):
    """Two runtimes that share nothing but Redis and Postgres."""
    other = Runtime()
    other.start()
    yield [runtime, other]
    other.stop(grace_seconds=5)


@pytest.fixture
def greeting(shop):
    return version_of("Hello {{ name }}", channel=Channel.objects.get(slug="production"))


def spec(**values):
    message = {"role": "user", "content": "what does it cost?"}
    return CallSpec(**{"model": "small", "messages": (message,), "context": TAGGED} | values)


def prompted(**values):
    return CallSpec(prompt="greeting", variables={"name": "Alto"}, **values)


def drop(tenant, handle, name=""):
    return invalidate(
        scope=Scope(tenant, handle, name), reason="a test", actor="tester", now=db_now()
    )


def ask(process, service, what=None):
    return run_calls(process, [make_call(service, what or spec())])[0]


def ask_unrefreshed(process, service, what=None):
    """As `ask`, with the configuration that the process happens to have: Redis alone decides."""
    call = make_call(service, what or spec())
    return asyncio.run_coroutine_threadsafe(process.pipeline.run(call), process.loop).result(60)


@pytest.mark.parametrize("handle", ["tag", "prompt", "model", "key", "service", "prompt for all"])
def test_each_handle_is_in_force_at_once_in_both_processes(
    processes, shop, greeting, upstream, handle
):
    what = prompted(context=TAGGED)
    first = ask(processes[0], shop, what)
    assert ask(processes[1], shop, what).cache == "hit"
    scopes = {
        "tag": (shop.slug, Handle.TAG, "summer"),
        "prompt": (shop.slug, Handle.PROMPT, "greeting"),
        "model": (shop.slug, Handle.MODEL, "small"),
        "key": (shop.slug, Handle.KEY, first.cache_key),
        "service": (shop.slug, Handle.SERVICE),
        "prompt for all": (EVERY_SERVICE, Handle.PROMPT, "greeting"),
    }

    assert drop(*scopes[handle]).at_once

    assert ask_unrefreshed(processes[1], shop, what).cache == "miss"
    assert ask_unrefreshed(processes[0], shop, what).cache == "hit", "of the new answer"
    assert len(upstream.log()) == 2


def test_what_does_not_share_the_handle_stays(processes, shop, upstream):
    other = make_service("other")
    kept = [(shop, spec(context=("product-8",))), (shop, spec(context=())), (other, spec())]
    for service, what in kept:
        ask(processes[0], service, what)

    drop("shop", Handle.TAG, "product-7")
    drop("shop", Handle.MODEL, "another")
    drop("other", Handle.TAG, "product-8")
    drop("shop", Handle.KEY, "0" * 64)

    for service, what in kept:
        assert ask(processes[0], service, what).cache == "hit"


def test_a_model_is_dropped_for_every_service(processes, shop, upstream):
    services = [shop, make_service("other")]
    for service in services:
        ask(processes[0], service)
    drop(EVERY_SERVICE, Handle.MODEL, "small")

    assert [ask(processes[1], service).cache for service in services] == ["miss", "miss"]


def test_a_release_needs_no_invalidation(processes, shop, greeting, upstream):
    ask(processes[0], shop, prompted())
    version_of("Good day {{ name }}", channel=Channel.objects.get(slug="production"))

    assert ask(processes[1], shop, prompted()).cache == "miss"


def test_a_generation_that_was_evicted_brings_nothing_back(processes, shop, upstream):
    redis = client()
    ask(processes[0], shop)
    drop("shop", Handle.TAG, "summer")
    for name in redis.keys("cache:generation:*"):
        redis.delete(name)

    assert ask(processes[0], shop).cache == "miss"


@pytest.mark.parametrize("lost", ["cache:generation:*", "*"])
def test_whatever_redis_loses_an_old_answer_does_not_come_back(processes, shop, upstream, lost):
    """The answer of a call from before the invalidation arrives after Redis forgot both."""
    redis = client()
    upstream.behave(latency=1, times=1, content="old")
    old = processes[0]
    old.config.refresh()
    running = asyncio.run_coroutine_threadsafe(old.pipeline.run(make_call(shop, spec())), old.loop)
    upstream.wait_until(lambda report: report["in_flight"] == 1)
    drop("shop", Handle.TAG, "summer")
    redis.delete(*redis.keys(lost))

    assert running.result(timeout=60).text == "old"
    for process in processes:
        assert ask(process, shop).text != "old"


def test_after_a_flush_calls_are_answered_and_stored_again(processes, shop, upstream):
    ask(processes[0], shop)
    client().flushdb()

    assert [ask(process, shop).cache for process in processes] == ["miss", "hit"]


def test_without_redis_everything_of_the_service_is_dropped_by_the_configuration(
    processes, shop, upstream, monkeypatch
):
    other = make_service("other")
    ask(processes[0], shop)
    ask(processes[0], other)
    unreachable = type(client()).from_url("redis://127.0.0.1:1/0")
    monkeypatch.setattr("apps.cache.generations.client", lambda: unreachable)

    row = drop("shop", Handle.TAG, "another")

    assert not row.at_once
    assert CacheEpoch.objects.get().tenant == "shop"
    assert [ask(process, shop).cache for process in processes] == ["miss", "hit"]
    assert ask(processes[1], other).cache == "hit"


def test_every_fault_is_told_and_nothing_is_dropped(shop):
    def faults(*scope, reason="why"):
        with pytest.raises(ValidationError) as refused:
            invalidate(scope=Scope(*scope), reason=reason, actor="tester", now=db_now())
        return set(refused.value.message_dict)

    assert faults("nobody", Handle.PROMPT, "nothing", reason=" ") == {"service", "name", "reason"}
    assert faults("shop", Handle.KEY, "not-a-key") == {"name"}
    assert faults("shop", Handle.TAG, "") == {"name"}
    assert faults("shop", Handle.SERVICE, "x") == {"name"}
    assert faults(EVERY_SERVICE, Handle.TAG, "summer") == {"service"}
    assert not Invalidation.objects.exists()


@pytest.mark.django_db
def test_the_record_cannot_be_changed(shop):
    row = drop("shop", Handle.TAG, "summer")
    for change in (lambda: Invalidation.objects.update(reason="other"), row.delete):
        with pytest.raises(ProgrammingError), transaction.atomic():
            change()
