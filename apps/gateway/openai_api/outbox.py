"""What a stream's reader has not taken yet: bounded, and never waited for by the call.

The call's own task puts chunks in and must not wait, or a slow client would hold up the reading of
the upstream stream to its usage. So a client that falls `MAX_PENDING` bytes behind is cut off; the
call itself goes on to its end and is booked.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from apps.gateway.types import CallOutcome

MAX_PENDING = 1024 * 1024  # bytes of events; a long answer of 4,000 tokens


class ClientTooSlow(Exception):
    """The client fell too far behind; what it missed is lost to it."""


class Outbox:
    """Events from one call to one client, on one event loop."""

    def __init__(self, encode: Callable[[Mapping[str, Any]], bytes]) -> None:
        self._encode = encode
        self._events: list[bytes] = []
        self._size = 0
        self._changed = asyncio.Event()
        self._done = self._gone = self._too_slow = False

    async def run(self, call: Awaitable[CallOutcome]) -> CallOutcome:
        """The call itself; its end, however it comes, ends the reading side."""
        try:
            return await call
        finally:
            self._done = True
            self._changed.set()

    async def emit(self, chunk: Mapping[str, Any]) -> None:
        """Put a chunk in. Never waits, never raises."""
        if self._gone:
            return
        if self._size > MAX_PENDING:
            self._too_slow = True
            self.leave()
            return
        event = self._encode(chunk)
        if not event:
            return
        self._events.append(event)
        self._size += len(event)
        self._changed.set()

    def leave(self) -> None:
        """The client has gone, or is given up: chunks are dropped from now on."""
        self._gone = True
        self._events.clear()
        self._changed.set()

    async def take(self, patience: float) -> bytes | None:
        """All that is waiting, joined; `b""` when nothing came for `patience` seconds; None at the
        end, or when the client has gone. Raises `ClientTooSlow`."""
        if not (self._events or self._done or self._gone):
            self._changed.clear()
            try:
                async with asyncio.timeout(patience):
                    await self._changed.wait()
            except TimeoutError:
                return b""
        if self._too_slow:
            raise ClientTooSlow
        if not self._events:
            return None
        data = b"".join(self._events)
        self._events.clear()
        self._size = 0
        return data

    @property
    def gone(self) -> bool:
        return self._gone
