"""Just enough HTTP/1.1 for a server that must be cheap to hold open a thousand times."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Connection(asyncio.Protocol):
    """Reads requests one after the other and runs `handler` for each.

    The handler is cancelled when the client leaves. After it returns, the connection is used for
    the next request, unless it closed it.
    """

    def __init__(
        self,
        handler: "Callable[[Request, Connection], Awaitable[None]]",
        lost: "Callable[[Connection], None]",
    ) -> None:
        self._handler = handler
        self._lost = lost
        self._buffer = bytearray()
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost(self)
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._next()

    def _next(self) -> None:
        if self._task is None and (request := self._parse()) is not None:
            self._task = asyncio.get_running_loop().create_task(self._run(request))

    async def _run(self, request: Request) -> None:
        try:
            await self._handler(request, self)
        except Exception:
            self.transport.abort()  # a bug in the fake: better a lost connection than a hanging one
            raise
        self._task = None
        if not self.transport.is_closing():
            self._next()

    def _parse(self) -> Request | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        length = int(headers.get("content-length", 0))
        if len(self._buffer) < end + 4 + length:
            return None
        body = bytes(self._buffer[end + 4 : end + 4 + length])
        del self._buffer[: end + 4 + length]
        method, path, _ = first.split(" ", 2)
        return Request(method, path, headers, body)

    def head(self, status: int, headers: dict[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} Status", *(f"{k}: {v}" for k, v in headers.items())]
        self.transport.write("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """A whole answer."""
        self.head(status, {**headers, "content-length": str(len(body))})
        self.transport.write(body)

    def chunk(self, data: bytes) -> None:
        self.transport.write(b"%x\r\n%b\r\n" % (len(data), data))

    def last_chunk(self) -> None:
        self.transport.write(b"0\r\n\r\n")

    def close(self) -> None:
        """After what was written has been sent."""
        self.transport.close()

    def reset(self) -> None:
        """A TCP reset: the client sees an error, not an end."""
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()
