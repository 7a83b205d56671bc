"""The little HTTP that the endpoints need: read a bounded body, send JSON, send events."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from apps.core import strict_json

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = Mapping[str, str]


class BodyTooLarge(Exception):
    """More bytes came than we read. Permanent."""


class ClientGone(Exception):
    """The client closed the connection."""


def header(scope: Scope, name: bytes) -> str | None:
    """The first value of a header; names are lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return None


async def read_body(receive: Receive, *, limit: int) -> bytes:
    """The whole body. Raises `BodyTooLarge` as soon as it passes `limit` bytes."""
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


async def send_event(send: Send, data: bytes) -> None:
    await send(
        {"type": "http.response.body", "body": b"data: " + data + b"\n\n", "more_body": True}
    )


async def end_events(send: Send) -> None:
    await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})


async def _start(send: Send, status: int, headers: Headers) -> None:
    encoded = [
        (name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()
    ]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
