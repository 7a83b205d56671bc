"""HTTP connections for a thousand calls at once: aiohttp's, for the hot path (docs/adr/0080).

`Connections` overrides three of aiohttp's inner methods. tests/providers (`test_connections.py`,
`test_wire.py`) hold what they are for, so that an update which moves them fails there.
"""

import asyncio
import contextlib
import functools
import select
import ssl
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx2

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.client_reqrep import ClientRequest, ConnectionKey
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

MAX_STARTING = 64
IDLE_SECONDS = 30.0
NEVER = 1e9  # aiohttp rounds long timeouts up to whole seconds; ours are exact


def open_session() -> aiohttp.ClientSession:
    """A session of the running event loop that neither unpacks, remembers nor reads our
    environment."""
    return aiohttp.ClientSession(
        connector=Connections(),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    )


def timeouts(*, total: float, connect: float, read: float) -> aiohttp.ClientTimeout:
    """`connect` bounds one connection's making, `read` the silence between two bytes."""
    # Below the whole, so that a dead host is told from a slow answer.
    connect = min(connect, 0.9 * total)
    return aiohttp.ClientTimeout(
        total=total,
        connect=min(2 * connect, 0.95 * total),  # with the wait for a turn
        sock_connect=connect,
        sock_read=min(read, total),
        ceil_threshold=NEVER,
    )


class Connections(aiohttp.TCPConnector):
    """Makes not too many connections at a time, and reuses none that has ended.

    Hundreds of jobs that were claimed together would open their connections in the same instant,
    and the last ones would wait for their turn on this CPU until they look like a dead host
    (measured: 6 s of connecting on loopback). So only some connect at a time.
    """

    def __init__(self) -> None:
        super().__init__(
            limit=0,  # calls are bounded elsewhere
            keepalive_timeout=IDLE_SECONDS,
            ssl=_ssl_context(),
            timeout_ceil_threshold=NEVER,
        )
        self._starting = asyncio.Semaphore(MAX_STARTING)

    async def _create_connection(
        self, req: "ClientRequest", traces: "list[Trace]", timeout: aiohttp.ClientTimeout
    ) -> "ResponseHandler":
        with contextlib.ExitStack() as turn:
            # A host that is dead must not hold up all who wait for it, so after the time of one
            # connection one goes without a turn.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout.sock_connect):
                    await self._starting.acquire()
                    turn.callback(self._starting.release)
            async with asyncio.timeout(timeout.sock_connect):  # name resolution included
                return await super()._create_connection(req, traces, timeout)

    async def _get(self, key: "ConnectionKey", traces: "list[Trace]") -> "Connection | None":
        """A kept connection. One that the server closed while our loop was busy looks alive until
        the loop has read its end; a request on it would be of unknown outcome for no reason."""
        while (connection := await super()._get(key, traces)) and _is_readable(connection):
            connection.close()
        return connection

    def _release(
        self, key: "ConnectionKey", protocol: "ResponseHandler", *, should_close: bool = False
    ) -> None:
        """The latest goes first again, so that a lull leaves the others idle, to be closed."""
        super()._release(key, protocol, should_close=should_close)
        kept = self._conns.get(key)
        if kept and kept[-1][0] is protocol:
            kept.rotate(1)


def _is_readable(connection: "Connection") -> bool:
    """Whether bytes, or the end, have come on a connection where nothing is due."""
    transport = connection.transport
    socket: Any = transport.get_extra_info("socket") if transport else None
    if socket is None:
        return True
    poll = select.poll()
    poll.register(socket.fileno(), select.POLLIN)
    return bool(poll.poll(0))


@functools.cache
def _ssl_context() -> ssl.SSLContext:
    # Loading the certificates takes tens of milliseconds; all pools share them.
    context = httpx2.create_ssl_context(trust_env=False)
    context.set_alpn_protocols(["http/1.1"])
    return context
