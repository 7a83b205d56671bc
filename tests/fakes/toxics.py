"""A TCP proxy that spoils what a server sends back: the toxics of Shopify's toxiproxy, and `down`.

What the client sends arrives unspoiled, so the server's log stays the witness of every call.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal

Toxic = Literal[
    "latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data", "down"
]
LATENCY = 0.3  # seconds before anything comes back
BYTES_A_SECOND = 4096
SLOW_CLOSE = 0.5  # seconds between the server's close and ours
SLICE = 3  # bytes of a slice, each a packet of its own
LIMIT = 200  # bytes that come back, then the connection ends: the head and some of the body
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: a close that sends RST


class Toxics:
    """One connection after another, each with its own task, on the loop of a thread."""

    def __init__(self, target: tuple[str, int], toxic: Toxic) -> None:
        self._target, self._toxic = target, toxic
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        if toxic == "down":
            self._listener.close()
        else:
            self._run(asyncio.start_server(self._serve, sock=self._listener))

    def close(self) -> None:
        self._run(self._cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._listener.close()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _cancel_all(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(*self._target)
        forth = asyncio.create_task(_copy(reader, server_writer))
        with suppress(OSError, asyncio.CancelledError):
            await self._back(server_reader, writer)
        forth.cancel()
        server_writer.close()
        writer.close()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = LIMIT
        while data := await reader.read(65536):
            match self._toxic:
                case "timeout":
                    await asyncio.Event().wait()
                case "reset_peer":
                    sock = writer.get_extra_info("socket")
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    return
                case "latency":
                    await asyncio.sleep(LATENCY)
                case "bandwidth":
                    await asyncio.sleep(len(data) / BYTES_A_SECOND)
                case "slicer":
                    await _sliced(data, writer)
                    continue
                case "limit_data":
                    data, left = data[:left], left - len(data)
            writer.write(data)
            await writer.drain()
            if left <= 0:
                return
        if self._toxic == "slow_close":
            await asyncio.sleep(SLOW_CLOSE)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


async def _sliced(data: bytes, writer: asyncio.StreamWriter) -> None:
    for start in range(0, len(data), SLICE):
        writer.write(data[start : start + SLICE])
        await writer.drain()
        await asyncio.sleep(0)


@contextmanager
def spoiled(host: str, toxic: Toxic) -> Iterator[Toxics]:
    """A spoiled way to `host` (address:port); its own is the `host` of what it gives."""
    address, _, port = host.partition(":")
    proxy = Toxics((address, int(port)), toxic)
    try:
        yield proxy
    finally:
        proxy.close()
