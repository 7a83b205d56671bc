"""The cache over two real gateway processes: one call for a thousand equal requests, invalidation
at once in both, and a leader that is killed."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
import openai
import pytest

from apps.cache.services import invalidate
from apps.cache.types import Handle, Scope
from apps.core.clock import db_now
from apps.core.redis import client as redis_client
from apps.ledger.models import Entry
from llmplatform.embedded.layout import free_port
from tests.factories import make_key, make_service
from tests.servers import ROOT, environment, wait_until_ready

REQUESTS = 1000


@dataclass
class Gateway:
    process: "subprocess.Popen[bytes]"
    url: str

    def kill(self) -> None:
        """SIGKILL to all of it, as the kernel does when memory runs out."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=10)


@contextmanager
def gateway() -> Iterator[Gateway]:
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "1", "--no-ws", "llmplatform.asgi:application"]
    quiet = environment(LOG_LEVEL="WARNING")
    with subprocess.Popen(command, cwd=ROOT, env=quiet, start_new_session=True) as process:
        try:
            wait_until_ready(f"http://127.0.0.1:{port}/health/live", process)
            yield Gateway(process, f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait(timeout=30)


@pytest.fixture
def keys(shop, clean_redis):
    """Made before the gateways start, so that they know them."""
    return {name: make_key(service) for name, service in (("shop", shop), ("other", _other()))}


def _other():
    return make_service("other")


@pytest.fixture
def gateways(keys, upstream):
    with gateway() as first, gateway() as second:
        yield [first, second]


class Client:
    """The official client, for any of the gateways."""

    def __init__(self, http, key):
        self._client = openai.AsyncOpenAI(api_key=key, max_retries=0, timeout=120, http_client=http)

    async def ask(self, where, text="the same question", **extra):
        """State of the cache, or the error's code; and the key of the answer."""
        chat = self._client.with_options(base_url=f"{where.url}/v1").chat.completions
        message = {"role": "user", "content": text}
        try:
            answer = await chat.with_raw_response.create(
                model="small", messages=[message], extra_body=extra
            )
        except openai.APIStatusError as error:
            return error.code, ""
        return answer.headers["x-llm-cache"], answer.headers.get("x-llm-cache-key")


def run(work, key):
    """`work(client)` on an event loop of its own."""

    async def main():
        limits = httpx2.Limits(max_connections=None)
        async with openai.DefaultAsyncHttpxClient(limits=limits, timeout=120) as http:
            return await work(Client(http, key))

    return asyncio.run(main())


@pytest.mark.slow
def test_two_gateways_make_one_call_for_equal_requests(gateways, keys, upstream):
    """One pair of processes for many questions: each start costs seconds."""
    check_thousand(gateways, keys, upstream)
    check_tenants(gateways, keys, upstream)
    check_invalidation(gateways, keys, upstream)
    check_flush(gateways, keys, upstream)
    check_killed_leader(gateways, keys, upstream)


def check_thousand(gateways, keys, upstream):
    for where in gateways:  # no process meets its first thousand requests in its first second
        run(
            lambda client, where=where: client.ask(where, text="hello", cache="bypass"),
            keys["shop"],
        )
    upstream.reset()
    before = Entry.objects.count()
    upstream.behave(latency=1)

    async def thousand(client):
        asked = (client.ask(gateways[number % 2]) for number in range(REQUESTS))
        return await asyncio.gather(*asked)

    answers = run(thousand, keys["shop"])

    assert len(upstream.log()) == 1
    states = Counter(state for state, _ in answers)
    assert states["miss"] == 1
    assert states["coalesced"] + states["hit"] == REQUESTS - 1
    charge = Entry.objects.filter(kind="charge").latest("id")
    hits = Entry.objects.filter(kind="cache_hit")
    assert (hits.count(), Entry.objects.count()) == (REQUESTS - 1, before + REQUESTS)
    assert set(hits.values_list("amount_pico", "avoided_pico")) == {(0, charge.amount_pico)}
    assert charge.amount_pico > 0
    upstream.reset()


def check_tenants(gateways, keys, upstream):
    for key, state in (("shop", "hit"), ("other", "miss"), ("other", "hit")):
        assert run(lambda client: client.ask(gateways[0]), keys[key])[0] == state
    assert len(upstream.log()) == 1
    upstream.reset()


def check_invalidation(gateways, keys, upstream):
    body = {"text": "what does it cost?", "context": ["product-7"]}

    async def both(client):
        return [await client.ask(where, **body) for where in gateways]

    (_, key), _ = run(both, keys["shop"])
    handles = {Handle.TAG: "product-7", Handle.MODEL: "small", Handle.KEY: key, Handle.SERVICE: ""}
    for handle, name in handles.items():
        scope = Scope("shop", handle, name)
        row = invalidate(scope=scope, reason="a test", actor="tester", now=db_now())
        assert row.at_once
        states = [state for state, _ in run(both, keys["shop"])]
        assert states == ["miss", "hit"], handle
        gateways.reverse()
    assert len(upstream.log()) == 1 + len(handles)
    upstream.reset()


def check_flush(gateways, keys, upstream):
    upstream.behave(latency=1)

    async def flushed(client):
        asked = [asyncio.create_task(client.ask(where, text="flush")) for where in gateways * 10]
        await asyncio.to_thread(upstream.wait_until, lambda report: report["in_flight"] == 1)
        await asyncio.to_thread(redis_client().flushdb)
        return await asyncio.gather(*asked)

    states = Counter(state for state, _ in run(flushed, keys["shop"]))
    assert set(states) <= {"miss", "coalesced", "hit"}, "nobody is refused"
    assert sum(states.values()) == 20
    # The generations went with everything else, so who looked before and who looked after the flush
    # ask under two keys: each is one call for each process at most.
    assert len(upstream.log()) <= 2 * len(gateways), "at most one call for each process and key"
    run(lambda client: client.ask(gateways[0], text="flush"), keys["shop"])
    after = run(lambda client: client.ask(gateways[1], text="flush"), keys["shop"])
    assert after[0] == "hit", "the cache works again"
    upstream.reset()


def check_killed_leader(gateways, keys, upstream):
    leader, follower = gateways
    upstream.behave(latency=60, times=1)

    async def killed(client):
        first = asyncio.create_task(client.ask(leader, text="kill"))
        await asyncio.to_thread(upstream.wait_until, lambda report: report["in_flight"] == 1)
        others = [asyncio.create_task(client.ask(follower, text="kill")) for _ in range(10)]
        redis = redis_client()
        await asyncio.sleep(0.5)  # let them arrive; the assertions hold without it
        assert redis.keys("cache:flight:*")
        leader.kill()
        answers = await asyncio.gather(*others)
        await asyncio.gather(first, return_exceptions=True)
        return answers

    states = Counter(state for state, _ in run(killed, keys["shop"]))
    assert states == {"miss": 1, "coalesced": 9}
    assert len(upstream.log()) == 2
