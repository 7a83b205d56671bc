"""The baseline called Y: granian and aiohttp, a key check, and nothing else in between.

`UPSTREAM_URL=… python -m granian --interface asgi bench.passthrough:application`
"""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import aiohttp

Message = MutableMapping[str, Any]
UPSTREAM = os.environ.get("UPSTREAM_URL", "")
KEY = b"Bearer " + os.environ.get("BENCH_KEY", "").encode()
session: aiohttp.ClientSession | None = None


async def application(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    global session
    if scope["type"] == "lifespan":
        await receive()
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await session.close()
        await send({"type": "lifespan.shutdown.complete"})
        return
    assert session is not None
    status = 200 if (b"authorization", KEY) in scope["headers"] else 401
    if scope["method"] == "GET" or status == 401:
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    body = (await receive())["body"]
    headers = {"content-type": "application/json"}
    async with session.post(UPSTREAM + scope["path"], data=body, headers=headers) as answer:
        kind = answer.headers["content-type"].encode()
        head = [(b"content-type", kind)]
        await send({"type": "http.response.start", "status": answer.status, "headers": head})
        if not kind.startswith(b"text/event-stream"):
            await send({"type": "http.response.body", "body": await answer.read()})
            return
        async for part in answer.content.iter_any():
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
