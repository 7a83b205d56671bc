"""Pooled connections: one client for each account at each address, and one set per event loop."""

import asyncio
import functools
import ssl
from collections import OrderedDict
from collections.abc import Callable
from typing import Self, TypeAlias, cast
from weakref import WeakKeyDictionary

import httpx2
from django.conf import settings
from openai import AsyncOpenAI

from apps.providers.errors import ErrorKind, ProviderError
from apps.providers.outbound import OutboundRefused, check_base_url
from apps.providers.types import Endpoint

MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_CLIENTS = 256
# More than a process ever has in flight: waiting for a connection would look like a slow provider.
LIMITS = httpx2.Limits(max_connections=4000, max_keepalive_connections=500, keepalive_expiry=30)

Build: TypeAlias = Callable[[Endpoint, httpx2.AsyncClient], AsyncOpenAI]
_Key: TypeAlias = tuple[str, str, str, tuple[tuple[str, str], ...]]


class Slot:
    """A client, opened when it is first needed. Used as a context it isn't closed meanwhile."""

    def __init__(self, pool: "ClientPool", endpoint: Endpoint) -> None:
        self._pool, self._endpoint = pool, endpoint
        self._opening = asyncio.Lock()
        self._client: AsyncOpenAI | None = None
        self.in_use = 0

    def __enter__(self) -> Self:
        self.in_use += 1
        return self

    def __exit__(self, *exception: object) -> None:
        self.in_use -= 1

    async def client(self) -> AsyncOpenAI:
        """Raises `ProviderError` when the address must not be called."""
        if self._client is not None:
            return self._client
        async with self._opening:
            if self._client is None:
                await _check(self._endpoint)
                self._client = self._pool.build(self._endpoint, _http_client())
                await self._pool.evict(keep=MAX_CLIENTS)
        return self._client

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()


class ClientPool:
    """Clients by what distinguishes their connections: not by model, nor by timeout."""

    def __init__(self, build: Build) -> None:
        self.build = build
        # A connection belongs to the event loop that opened it.
        self._by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, OrderedDict[_Key, Slot]]
        self._by_loop = WeakKeyDictionary()

    def slot(self, endpoint: Endpoint) -> Slot:
        slots = self._slots()
        key = _key(endpoint)
        if key not in slots:
            slots[key] = Slot(self, endpoint)
        slots.move_to_end(key)
        return slots[key]

    async def evict(self, *, keep: int) -> None:
        """Close the least recently used of this event loop's idle clients above `keep`."""
        slots = self._slots()
        idle = [key for key, slot in slots.items() if not slot.in_use]
        for slot in [slots.pop(key) for key in idle[: max(0, len(slots) - keep)]]:
            await slot.close()

    def _slots(self) -> OrderedDict[_Key, Slot]:
        return self._by_loop.setdefault(asyncio.get_running_loop(), OrderedDict())


def _key(endpoint: Endpoint) -> _Key:
    headers = tuple(sorted(endpoint.headers.items()))
    return endpoint.base_url, endpoint.api_key, endpoint.api_version, headers


async def _check(endpoint: Endpoint) -> None:
    allowlist = settings.OUTBOUND_ALLOWED_HOSTS
    try:
        await asyncio.to_thread(check_base_url, endpoint.base_url, allowlist=allowlist)
    except OutboundRefused as error:
        kind = ErrorKind.REFUSED if error.permanent else ErrorKind.CONNECT
        raise ProviderError(kind, str(error)) from None


def _http_client() -> httpx2.AsyncClient:
    transport = _BoundedTransport(verify=_ssl_context(), trust_env=False, limits=LIMITS)
    return httpx2.AsyncClient(
        transport=transport,
        trust_env=False,
        follow_redirects=False,
        headers={"accept-encoding": "identity"},
    )


@functools.cache
def _ssl_context() -> ssl.SSLContext:
    # Loading the certificates takes tens of milliseconds; all clients share them.
    return httpx2.create_ssl_context(trust_env=False)


class _BoundedTransport(httpx2.AsyncHTTPTransport):
    """Refuses what could fill the memory: endless answers, and compressed ones, unasked for."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        response.stream = _BoundedStream(cast(httpx2.AsyncByteStream, response.stream))
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise httpx2.DecodingError("the answer is compressed though we asked for plain bytes")
        return response


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream
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
        await self._stream.aclose()
