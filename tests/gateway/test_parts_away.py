"""Each control says how it fails (ARCHITECTURE.md, “How each control fails”)."""

import asyncio
import json
import threading
from collections.abc import Iterator

import pytest
from django.db import connections

from apps.gateway.runtime import Runtime
from apps.gateway.types import CallRefused, CallSpec
from apps.ledger.models import Attempt, Entry
from tests.factories import make_key, make_service, make_tier
from tests.fakes.proxy import Proxy, proxied
from tests.gateway.asgi import HELLO, Visit
from tests.gateway.conftest import make_call, run_calls


def spec(text: str = "hello") -> CallSpec:
    return CallSpec(model="small", messages=({"role": "user", "content": text},))


@pytest.fixture
def postgres(transactional_db, shop) -> Iterator[Proxy]:
    """Every connection made from now on goes through a proxy that can be cut."""
    database = connections.settings["default"]
    port = database["PORT"]
    with proxied(database["HOST"], int(port)) as proxy:
        database["PORT"] = str(proxy.port)
        yield proxy
        database["PORT"] = port


@pytest.fixture
def behind_proxy(postgres, clean_redis) -> Iterator[Runtime]:
    runtime = Runtime()
    runtime.start()
    yield runtime
    postgres.mend()
    runtime.stop(grace_seconds=5)


def start(runtime, call):
    return asyncio.run_coroutine_threadsafe(runtime.pipeline.run(call), runtime.loop)


def test_without_postgres_nothing_is_sent_and_the_caller_may_come_back(
    behind_proxy, postgres, shop, upstream
):
    call = make_call(shop, spec())
    postgres.cut()

    with pytest.raises(CallRefused) as refused:
        start(behind_proxy, call).result(timeout=30)

    assert (refused.value.code, refused.value.status) == ("unavailable", 503)
    assert refused.value.retry_after
    assert upstream.log() == []


def test_without_postgres_the_last_good_configuration_serves(behind_proxy, postgres):
    postgres.cut()

    assert "small" in behind_proxy.config.current.registry.models


def test_an_answer_waits_for_postgres_to_come_back(behind_proxy, postgres, shop, upstream):
    upstream.behave(latency=0.5)
    future = start(behind_proxy, make_call(shop, spec()))
    upstream.wait_until(lambda report: report["in_flight"] == 1)
    postgres.cut()
    upstream.wait_until(lambda report: report["in_flight"] == 0)
    threading.Timer(1.0, postgres.mend).start()

    outcome = future.result(timeout=60)

    assert outcome.text
    assert Attempt.objects.get().status == "succeeded"
    assert Entry.objects.get().amount_pico == outcome.cost_pico


@pytest.fixture
def without_redis(transactional_db, settings) -> Iterator[Runtime]:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    runtime = Runtime()
    runtime.start()
    yield runtime
    runtime.stop(grace_seconds=5)


def test_without_redis_every_call_is_a_miss(shop, without_redis, upstream):
    for _ in range(2):
        (outcome,) = run_calls(without_redis, [make_call(shop, spec())])
        assert outcome.cache == "miss"

    assert len(upstream.log()) == 2


def test_without_redis_each_process_keeps_the_limits_itself(shop, without_redis, upstream):
    tier = make_tier(slug="slow", requests_per_second=1, burst=3)
    service = make_service(tier=tier)

    calls = [make_call(service, spec(f"question {number}")) for number in range(10)]
    results = run_calls(without_redis, calls, raising=False)

    refused = [result for result in results if isinstance(result, CallRefused)]
    assert len(refused) == 7
    assert {refusal.code for refusal in refused} == {"rate_limited"}


def test_without_redis_streams_end_and_are_booked(shop, without_redis, upstream):
    visit = Visit(without_redis, make_key(shop))
    visit.run(body={"model": "small", "messages": [HELLO], "stream": True})

    assert visit.status == 200
    assert b"".join(visit.parts).endswith(b"data: [DONE]\n\n")
    assert Attempt.objects.get().status == "succeeded"


@pytest.mark.parametrize("stream", [False, True])
def test_without_postgres_callers_get_openais_error_object(
    behind_proxy, postgres, shop, upstream, stream
):
    key, body = make_key(shop), {"model": "small", "messages": [HELLO], "stream": stream}
    known = Visit(behind_proxy, key).run(body=body)
    assert known.status == 200
    postgres.cut()

    body["messages"] = [{**HELLO, "content": "new"}]
    visit = Visit(behind_proxy, key).run(body=body)

    assert visit.status == 503
    assert json.loads(b"".join(visit.parts))["error"]["code"] == "unavailable"
    assert int(visit.headers["retry-after"]) > 0
    assert len(upstream.log()) == 1
