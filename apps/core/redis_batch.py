"""Script calls of one event loop that share round trips: one is on its way, the next ones gather.

A call through redis-py costs most of its time outside Redis; sent together they share that cost,
and any number of callers needs one connection.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from redis.exceptions import NoScriptError

if TYPE_CHECKING:
    import redis.asyncio
    from redis.commands.core import AsyncScript

Request = tuple["AsyncScript", list[str], list[Any], "asyncio.Future[Any]"]


class ScriptBatch:
    """Runs Lua scripts, each atomic by itself, in the order in which they were asked for."""

    def __init__(self, redis: "redis.asyncio.Redis") -> None:
        self._redis = redis
        self._waiting: list[Request] = []
        self._sender: asyncio.Task[None] | None = None

    async def run(self, script: "AsyncScript", keys: list[str], args: list[Any]) -> Any:
        """The script's reply. Raises `RedisError`."""
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((script, keys, args, reply))
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send())
        return await reply

    async def _send(self) -> None:
        while self._waiting:
            requests, self._waiting = self._waiting, []
            try:
                replies = await self._execute(requests)
            except Exception as error:  # noqa: BLE001 - whoever asked gets it
                replies = [error] * len(requests)
            for (*_, future), reply in zip(requests, replies, strict=True):
                if future.done():  # whoever asked has gone
                    continue
                if isinstance(reply, Exception):
                    future.set_exception(reply)
                else:
                    future.set_result(reply)

    async def _execute(self, requests: list[Request]) -> list[Any]:
        replies = await self._round_trip(requests)
        lost = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if lost:  # Redis is new, or was emptied
            for script in {requests[i][0] for i in lost}:
                await self._redis.script_load(script.script)
            again = await self._round_trip([requests[i] for i in lost])
            for i, reply in zip(lost, again, strict=True):
                replies[i] = reply
        return replies

    async def _round_trip(self, requests: list[Request]) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        for script, keys, args, _ in requests:
            pipeline.evalsha(script.sha, len(keys), *keys, *args)
        return list(await pipeline.execute(raise_on_error=False))
