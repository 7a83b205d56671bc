"""The little HTTP that the endpoints need: read a bounded body, send JSON, send events."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from apps.core import strict_json

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = Mapping[str, str]


BODY_SECONDS = 30.0  # for a whole body to arrive: a client that dribbles holds no place for ever


class BodyTooLarge(Exception):
    """More bytes came, or were announced, than we read. Permanent."""


class BodyTooSlow(Exception):
    """The body did not arrive in time."""


class WrongMediaType(Exception):
    """The body is something else than plain JSON. Permanent."""


class ClientGone(Exception):
    """The client closed the connection."""


def header(scope: Scope, name: bytes) -> str | None:
    """The first value of a header; names are lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return None


async def read_json_body(scope: Scope, receive: Receive, *, limit: int) -> bytes:
    """The whole body, of at most `limit` bytes. Headers that promise more, or something else than
    JSON, are believed before a byte is read.

    Raises `WrongMediaType`, `BodyTooLarge`, `BodyTooSlow` and `ClientGone`.
    """
    media = (header(scope, b"content-type") or "application/json").partition(";")[0].strip()
    if media.lower() != "application/json":
        raise WrongMediaType(f"Send application/json, not {media[:100]}.")
    if (header(scope, b"content-encoding") or "identity") != "identity":
        raise WrongMediaType("Send the body without a content encoding.")
    announced = header(scope, b"content-length") or ""
    if announced.isdecimal() and int(announced) > limit:
        raise BodyTooLarge
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read(receive, limit)
    except TimeoutError:
        raise BodyTooSlow from None


async def _read(receive: Receive, limit: int) -> bytes:
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise BodyTooLarge
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


async def send_json(send: Send, status: int, value: Any, headers: Headers) -> None:
    body = value if isinstance(value, bytes) else strict_json.dumps(value)
    await _start(send, status, {"content-type": "application/json", **headers})
    await send({"type": "http.response.body", "body": body})


async def start_events(send: Send, headers: Headers) -> None:
    """Begin a server-sent event stream; no proxy may hold it back."""
    stream = {"content-type": "text/event-stream", "cache-control": "no-store"}
    await _start(send, 200, {**stream, "x-accel-buffering": "no", **headers})


async def send_part(send: Send, data: bytes, *, last: bool) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": not last})


async def _start(send: Send, status: int, headers: Headers) -> None:
    encoded = [
        (name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()
    ]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
