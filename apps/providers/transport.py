"""HTTP connections for a thousand calls at once, and no answer that fills the memory."""

import asyncio
import contextlib
import functools
import ssl
from collections.abc import Callable
from typing import Self, cast

import httpx2

MAX_ANSWER_BYTES = 64 * 1024 * 1024
SHARD_SIZE = 32
MAX_STARTING = 64
IDLE_SECONDS = 30.0


class Transport(httpx2.AsyncBaseTransport):
    """Spreads calls over several small connection pools, and starts not too many at a time.

    httpx2's pool walks over all its connections at each start and end of a call: with 1,000 calls
    in flight one pool costs 12 ms of CPU a call, pools of 32 cost 2 ms. The first pool with room
    is used, so that a lull leaves the later ones idle, to be closed.

    Hundreds of jobs that were claimed together would open their connections in the same instant,
    and the last ones would wait for their turn on this CPU until they look like a dead host
    (measured: 6 s of connecting on loopback). So only some connect at a time.
    """

    def __init__(self) -> None:
        self._shards: list[_Shard] = []
        self._starting = asyncio.Semaphore(MAX_STARTING)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await self._close_idle()
        started = await self._may_start(request.extensions["timeout"]["connect"])

        async def trace(event: str, _: object) -> None:
            if event == "http11.send_request_headers.started":
                started()

        request.extensions["trace"] = trace
        try:
            return await self._shard().send(request)
        finally:
            started()

    async def _may_start(self, patience: float) -> Callable[[], None]:
        """Wait for a turn; the answer gives it back. A host that is dead must not hold up all
        who wait for it, so after `patience` seconds one goes without a turn."""
        await asyncio.sleep(0)  # let others build their requests before the clock of ours starts
        turns = contextlib.ExitStack()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._starting.acquire()
                turns.callback(self._starting.release)
        return turns.close

    def _shard(self) -> "_Shard":
        for shard in self._shards:
            if shard.in_flight < SHARD_SIZE:
                return shard
        self._shards.append(_Shard())
        return self._shards[-1]

    async def _close_idle(self) -> None:
        if self._shards and self._shards[-1].idle_for() > IDLE_SECONDS:
            await self._shards.pop().pool.aclose()

    async def aclose(self) -> None:
        for shard in self._shards:
            await shard.pool.aclose()
        self._shards.clear()


class _Shard:
    def __init__(self) -> None:
        limits = httpx2.Limits(
            max_connections=2 * SHARD_SIZE,  # room for those that are being closed
            max_keepalive_connections=SHARD_SIZE,
            keepalive_expiry=IDLE_SECONDS,
        )
        self.pool = httpx2.AsyncHTTPTransport(verify=_ssl_context(), trust_env=False, limits=limits)
        self.in_flight = 0
        self._idle_since = 0.0

    async def send(self, request: httpx2.Request) -> httpx2.Response:
        self.in_flight += 1
        try:
            response = await self.pool.handle_async_request(request)
        except BaseException:
            self._release()
            raise
        stream = cast(httpx2.AsyncByteStream, response.stream)
        response.stream = _BoundedStream(stream, self._release)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise httpx2.DecodingError("the answer is compressed though we asked for plain bytes")
        return response

    def idle_for(self) -> float:
        """Seconds without a call, 0 while there is one."""
        return 0.0 if self.in_flight else asyncio.get_running_loop().time() - self._idle_since

    def _release(self) -> None:
        self.in_flight -= 1
        self._idle_since = asyncio.get_running_loop().time()


class _BoundedStream(httpx2.AsyncByteStream):
    """An answer's bytes, up to a limit; tells once that they are no longer wanted."""

    def __init__(self, stream: httpx2.AsyncByteStream, release: Callable[[], None]) -> None:
        self._stream = stream
        self._release: Callable[[], None] | None = release
        self._parts = aiter(stream)
        self._total = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        part = await anext(self._parts)
        self._total += len(part)
        if self._total > MAX_ANSWER_BYTES:
            raise httpx2.DecodingError(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
        return part

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            release, self._release = self._release, None
            if release is not None:
                release()


@functools.cache
def _ssl_context() -> ssl.SSLContext:
    # Loading the certificates takes tens of milliseconds; all pools share them.
    return httpx2.create_ssl_context(trust_env=False)
