import asyncio
from dataclasses import replace

import pytest

from apps.providers import clients
from apps.providers.adapters import get_adapter
from apps.providers.types import Endpoint
from tests.fakes.fixtures import Upstream
from tests.providers.calls import Run, chat_request

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
