"""Pooled connections: one client for each account at each address, and one set per event loop."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Self, TypeAlias
from weakref import WeakKeyDictionary

import httpx2
from django.conf import settings
from openai import AsyncOpenAI

from apps.providers.errors import ErrorKind, ProviderError
from apps.providers.heads import Heads, recording_client
from apps.providers.outbound import OutboundRefused, check_base_url
from apps.providers.transport import open_session
from apps.providers.types import Endpoint

MAX_CLIENTS = 256

Build: TypeAlias = Callable[[Endpoint, httpx2.AsyncClient], AsyncOpenAI]
_Key: TypeAlias = tuple[str, str, str, tuple[tuple[str, str], ...]]


class Client:
    """An account at an address: its connections, and the heads of its requests."""

    def __init__(self, package: AsyncOpenAI) -> None:
        self._package = package
        self.heads = Heads(package)
        self.session = open_session()

    async def close(self) -> None:
        await self.session.close()
        await self._package.close()


class Slot:
    """A client, opened when it is first needed. Used as a context it isn't closed meanwhile."""

    def __init__(self, pool: "ClientPool", endpoint: Endpoint) -> None:
        self._pool, self._endpoint = pool, endpoint
        self._opening = asyncio.Lock()
        self.opened: Client | None = None
        self.in_use = 0

    def __enter__(self) -> Self:
        self.in_use += 1
        return self

    def __exit__(self, *exception: object) -> None:
        self.in_use -= 1

    async def client(self) -> Client:
        """Raises `ProviderError` when the address must not be called."""
        if self.opened is not None:
            return self.opened
        async with self._opening:
            if self.opened is None:
                await check_endpoint(self._endpoint)
                self.opened = Client(self._pool.build(self._endpoint, recording_client()))
                await self._pool.evict(keep=MAX_CLIENTS)
        return self.opened

    async def close(self) -> None:
        if self.opened is not None:
            await self.opened.close()


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


async def check_endpoint(endpoint: Endpoint) -> None:
    """Raises `ProviderError` when its address must not be called, or its credential cannot be."""
    credentials = (endpoint.api_key, *endpoint.headers.values())
    if not all(text.isascii() and text.isprintable() for text in credentials):
        # A line break at the end of a secret file is the usual case.
        message = "the credential holds characters that no header can carry"
        raise ProviderError(ErrorKind.AUTH, message)
    allowlist = settings.OUTBOUND_ALLOWED_HOSTS
    try:
        await asyncio.to_thread(check_base_url, endpoint.base_url, allowlist=allowlist)
    except OutboundRefused as error:
        kind = ErrorKind.REFUSED if error.permanent else ErrorKind.CONNECT
        raise ProviderError(kind, str(error)) from None
