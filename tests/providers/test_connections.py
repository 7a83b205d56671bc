import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from apps.providers import clients, transport
from apps.providers.adapters import get_adapter
from apps.providers.errors import ErrorKind, ProviderError
from apps.providers.types import Endpoint
from tests.fakes.fixtures import Upstream
from tests.providers.calls import Run, chat_request, failure

ADAPTER = get_adapter("compatible")


def test_many_calls_at_once_share_pooled_connections(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    upstream.behave(latency=0.5)

    async def three_waves() -> None:
        for _ in range(3):
            calls = [ADAPTER.chat(endpoint, chat_request()) for _ in range(200)]
            await asyncio.gather(*calls)

    run(three_waves())

    report = upstream.report()
    assert len(report["log"]) == 600
    assert report["in_flight_max"] == 200
    assert report["connections_opened"] == 200


def test_models_of_one_account_share_connections(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    async def two_models() -> None:
        await ADAPTER.chat(endpoint, chat_request())
        other = replace(endpoint, deployment="other", model="fake-chat-small", read_timeout=3)
        await ADAPTER.chat(other, chat_request())

    run(two_models())

    assert upstream.report()["connections_opened"] == 1
    assert [entry["model"] for entry in upstream.log()] == ["fake-chat", "fake-chat-small"]


def test_accounts_never_share_a_client(upstream: Upstream, endpoint: Endpoint, run: Run) -> None:
    async def two_accounts() -> None:
        await ADAPTER.chat(endpoint, chat_request())
        await ADAPTER.chat(replace(endpoint, api_key="another"), chat_request())

    run(two_accounts())

    first, second = upstream.log()
    assert first["authorization"] != second["authorization"]


def test_the_number_of_open_clients_is_bounded(
    upstream: Upstream, endpoint: Endpoint, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "MAX_CLIENTS", 2)

    async def five_accounts() -> int:
        for number in range(5):
            await ADAPTER.chat(replace(endpoint, api_key=f"key {number}"), chat_request())
        open_now: int = upstream.report()["connections"]
        return open_now

    assert run(five_accounts()) <= 2


def test_a_client_in_use_is_not_closed(
    upstream: Upstream, endpoint: Endpoint, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "MAX_CLIENTS", 1)
    upstream.behave(latency=0.3)

    async def at_once() -> list[str | None]:
        endpoints = [replace(endpoint, api_key=f"key {number}") for number in range(5)]
        calls = [ADAPTER.chat(each, chat_request()) for each in endpoints]
        return [result.finish_reason for result in await asyncio.gather(*calls)]

    assert run(at_once()) == ["stop"] * 5


def test_a_new_event_loop_gets_connections_of_its_own(
    upstream: Upstream, endpoint: Endpoint, run: Run
) -> None:
    run(ADAPTER.chat(endpoint, chat_request()))
    run(ADAPTER.chat(endpoint, chat_request()))

    assert upstream.report()["connections_opened"] == 2
    assert upstream.report()["connections"] == 0


def test_a_call_waits_for_others_to_be_sent_but_not_to_be_answered(
    upstream: Upstream, endpoint: Endpoint, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_STARTING", 1)
    upstream.behave(latency=1)

    async def wave() -> None:
        await asyncio.gather(*[ADAPTER.chat(endpoint, chat_request()) for _ in range(20)])

    run(wave())

    assert upstream.report()["in_flight_max"] > 1


def test_a_dead_host_does_not_hold_up_those_who_wait_to_start(
    settings: Any, endpoint: Endpoint, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_STARTING", 1)

    async def ten_calls(base_url: str) -> list[ProviderError]:
        dead = replace(endpoint, base_url=base_url, connect_timeout=0.3)
        calls = [failure(ADAPTER.chat(dead, chat_request())) for _ in range(10)]
        return await asyncio.gather(*calls)

    with unanswered_port() as host:
        settings.OUTBOUND_ALLOWED_HOSTS = [host]
        started = time.monotonic()
        errors = run(ten_calls(f"http://{host}/v1"))

    assert {error.kind for error in errors} == {ErrorKind.CONNECT}
    assert time.monotonic() - started < 10 * 0.3


def test_connections_of_a_past_rush_are_closed(
    upstream: Upstream, endpoint: Endpoint, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "IDLE_SECONDS", 0.3)
    upstream.behave(latency=0.2, times=6)

    async def rush_and_lull() -> None:
        await asyncio.gather(*[ADAPTER.chat(endpoint, chat_request()) for _ in range(6)])
        until = time.monotonic() + 10
        # Calls go on, one after the other: only the latest connection is used for them.
        while upstream.report()["connections"] > 1:
            assert time.monotonic() < until
            await ADAPTER.chat(endpoint, chat_request())

    run(rush_and_lull())

    assert upstream.report()["connections_opened"] == 6


@contextmanager
def unanswered_port() -> Iterator[str]:
    """A port that answers no connection: its queue is full."""
    with socket.socket() as listener, ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield f"127.0.0.1:{listener.getsockname()[1]}"
