"""One connection for all commands of a loop: order, faults, and what happens when it is lost."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis.exceptions
from django.conf import settings as all_settings

from apps.core import redis_wire
from apps.core.redis import RedisError, async_client, client
from apps.core.redis_wire import RedisWire, wire_of
from tests.fakes.proxy import proxied

Body = Callable[[RedisWire], Awaitable[Any]]
TWICE = "return redis.call('INCRBY', KEYS[1], ARGV[1] * 2)"


def on_wire(body: Body) -> Any:
    """Run it with a wire of its own, which is closed by closing its client."""

    async def closing() -> Any:
        redis_client = async_client()
        try:
            return await body(wire_of(redis_client))
        finally:
            await redis_client.aclose()

    return asyncio.run(asyncio.wait_for(closing(), 30))


def connections() -> int:
    total: int = client().info("stats")["total_connections_received"]
    return total


@pytest.fixture(autouse=True)
def _empty() -> None:
    client().delete("wire:n", "wire:text")


def test_many_commands_at_once_share_a_connection_and_get_their_own_replies() -> None:
    before = connections()

    async def counts(wire: RedisWire) -> list[int]:
        return list(await asyncio.gather(*(wire.send("INCR", "wire:n") for _ in range(2000))))

    assert on_wire(counts) == list(range(1, 2001))
    assert connections() - before == 1


def test_bytes_and_numbers_arrive_as_they_are() -> None:
    async def text(wire: RedisWire) -> list[Any]:
        wire.send("SET", "wire:text", b"\x00\r\n\xff", "PX", 60_000)
        return [await wire.send("GET", "wire:text"), await wire.send("MGET", "wire:text", "wire:n")]

    assert on_wire(text) == [b"\x00\r\n\xff", [b"\x00\r\n\xff", None]]


def test_a_fault_is_of_its_own_command_only() -> None:
    async def faulty(wire: RedisWire) -> list[Any]:
        commands = [wire.send("INCR", "wire:n"), wire.send("HGET", "wire:n", "x")]
        commands.append(wire.send("INCR", "wire:n"))
        return await asyncio.gather(*commands, return_exceptions=True)

    first, fault, last = on_wire(faulty)

    assert (first, last) == (1, 2)
    assert isinstance(fault, redis.exceptions.ResponseError)


def test_a_caller_who_leaves_takes_no_reply_from_others() -> None:
    async def one_leaves(wire: RedisWire) -> list[int]:
        await wire.send("PING")
        replies = [wire.send("INCR", "wire:n") for _ in range(3)]
        replies[0].cancel()
        return list(await asyncio.gather(*replies[1:]))

    assert on_wire(one_leaves) == [2, 3]


def test_a_script_that_redis_has_forgotten_runs_all_the_same() -> None:
    client().script_flush()

    async def twice(wire: RedisWire) -> list[int]:
        script = client().register_script(TWICE)
        calls = (wire.run(script, ["wire:n"], [2]) for _ in range(3))
        return sorted(await asyncio.gather(*calls))

    assert on_wire(twice) == [4, 8, 12]


def test_a_script_whose_reply_nobody_waits_for_runs_too_even_a_forgotten_one() -> None:
    client().script_flush()

    async def told(wire: RedisWire) -> Any:
        script = client().register_script(TWICE)
        for _ in range(2):
            wire.tell(script, ["wire:n"], [2], failed=pytest.fail)
        await wire.send("PING")  # by now both have been refused, and were sent again
        return await wire.send("GET", "wire:n")

    assert on_wire(told) == b"8"


def test_why_a_script_did_not_run_is_told() -> None:
    reasons: list[RedisError] = []

    async def told(wire: RedisWire) -> None:
        script = client().register_script(TWICE)
        wire.tell(script, ["wire:n"], ["no number"], failed=reasons.append)
        await wire.send("PING")
        await wire.send("PING")

    on_wire(told)

    assert [type(reason) for reason in reasons] == [redis.exceptions.ResponseError]


def test_a_lost_connection_fails_what_waits_and_the_next_command_opens_another(
    settings: Any,
) -> None:
    address = urlsplit(all_settings.REDIS_URL)
    assert address.hostname
    with proxied(address.hostname, address.port or 6379) as proxy:
        place = f"127.0.0.1:{proxy.port}"
        settings.REDIS_URL = address._replace(
            netloc=address.netloc.rpartition("@")[0] + "@" * ("@" in address.netloc) + place
        ).geturl()

        async def cut_and_mend(wire: RedisWire) -> tuple[Any, ...]:
            await wire.send("PING")
            waits = asyncio.ensure_future(wire.send("BLPOP", "wire:nothing", 30))
            await asyncio.sleep(0)
            proxy.cut()
            (cut,) = await asyncio.gather(waits, return_exceptions=True)
            (away,) = await asyncio.gather(wire.send("PING"), return_exceptions=True)
            proxy.mend()
            return cut, away, await wire.send("PING")

        cut, away, back = on_wire(cut_and_mend)

    assert isinstance(cut, RedisError)
    assert isinstance(away, RedisError)
    assert back == b"PONG"


def test_a_silent_redis_fails_all_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_wire, "TIMEOUT", 0.2)

    async def silent(wire: RedisWire) -> list[Any]:
        commands = [wire.send("BLPOP", "wire:nothing", 30), wire.send("INCR", "wire:n")]
        return await asyncio.gather(*commands, return_exceptions=True)

    assert [type(reply) for reply in on_wire(silent)] == [redis.exceptions.TimeoutError] * 2


def test_nobody_there_is_an_error_of_redis(settings: Any) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        settings.REDIS_URL = f"redis://127.0.0.1:{unused.getsockname()[1]}/0"

        async def nobody(wire: RedisWire) -> None:
            for _ in range(2):
                with pytest.raises(RedisError):
                    await wire.send("PING")

        on_wire(nobody)
