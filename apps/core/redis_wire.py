"""One connection to Redis for all commands of an event loop, for what is on the way of every call.

Commands of one turn of the loop are written together, and replies are handed out in order as they
come. A command through redis-py's client costs ten times as much: a connection from the pool, two
time limits and a round trip of its own (docs/adr/0081).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

import hiredis
import redis.exceptions

from apps.core.redis import TIMEOUT, RedisError

if TYPE_CHECKING:
    import redis.asyncio
    from redis.commands.core import AsyncScript

_NOTHING = object()  # no whole reply has come yet


class RedisWire:
    """Sends commands. Each fails with `RedisError` when Redis is away, or silent for `TIMEOUT`."""

    def __init__(self, pool: "redis.asyncio.ConnectionPool") -> None:
        self._pool = pool
        self._unsent: list[bytes] = []
        self._waiting: deque[tuple[float, asyncio.Future[Any]]] = deque()  # with its deadline
        self._link: _Link | None = None
        self._opening: asyncio.Task[None] | None = None

    def send(self, *command: Any) -> "asyncio.Future[Any]":
        """The reply to come to a command of texts, bytes and numbers.

        Commands take effect in the order in which they were sent.
        """
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((loop.time() + TIMEOUT, reply))
        self._unsent.append(hiredis.pack_command(command))
        if self._link is None:
            if self._opening is None:
                self._opening = loop.create_task(self._open())
        elif len(self._unsent) == 1:
            loop.call_soon(self._write)
        return reply

    async def run(self, script: "AsyncScript", keys: list[str], args: list[Any]) -> Any:
        """The reply of a Lua script."""
        try:
            return await self.send("EVALSHA", script.sha, len(keys), *keys, *args)
        except redis.exceptions.NoScriptError:  # Redis is new, or was emptied
            return await self.send("EVAL", script.script, len(keys), *keys, *args)

    def tell(
        self,
        script: "AsyncScript",
        keys: list[str],
        args: list[Any],
        *,
        failed: Callable[[RedisError], object],
    ) -> None:
        """Run a Lua script for whose reply nobody waits; `failed` hears why it did not run."""

        def replied(reply: "asyncio.Future[Any]") -> None:
            error = None if reply.cancelled() else reply.exception()
            if isinstance(error, redis.exceptions.NoScriptError):
                again = self.send("EVAL", script.script, len(keys), *keys, *args)
                again.add_done_callback(replied)
            elif isinstance(error, RedisError):
                failed(error)

        self.send("EVALSHA", script.sha, len(keys), *keys, *args).add_done_callback(replied)

    async def _open(self) -> None:
        """Through redis-py, which knows addresses, TLS, passwords and databases."""
        try:
            self._link = _Link(self, await self._pool.get_connection())  # type: ignore[no-untyped-call]
            self._write()
        except Exception as error:  # noqa: BLE001 - whatever it is: who asked would wait for ever
            self._fail(error)
        finally:
            self._opening = None

    def _write(self) -> None:
        if self._link is not None and self._unsent:
            unsent, self._unsent = self._unsent, []
            self._link.write(b"".join(unsent))

    def received(self, reply: Any) -> None:
        _, waiting = self._waiting.popleft()
        if waiting.done():  # whoever asked has gone
            return
        if isinstance(reply, Exception):
            _refuse(waiting, reply)
        else:
            waiting.set_result(reply)

    @property
    def deadline(self) -> float | None:
        """Until when the oldest command may wait for its reply."""
        return self._waiting[0][0] if self._waiting else None

    def lost(self, connection: "redis.asyncio.Connection", error: Exception) -> None:
        self._link = None
        self._fail(error)
        self._returning = asyncio.ensure_future(self._give_back(connection))

    async def _give_back(self, connection: "redis.asyncio.Connection") -> None:
        await connection.disconnect(nowait=True)
        await self._pool.release(connection)

    def _fail(self, error: Exception) -> None:
        known = error if isinstance(error, RedisError) else redis.exceptions.ConnectionError(error)
        waiting, self._waiting = self._waiting, deque()
        self._unsent = []
        for _, reply in waiting:
            if not reply.done():
                _refuse(reply, known)


class _Link(asyncio.Protocol):
    """A connection that redis-py has opened, with its bytes led to us."""

    def __init__(self, wire: RedisWire, connection: Any) -> None:
        self._wire, self._connection = wire, connection
        self._transport = cast(asyncio.Transport, connection._writer.transport)
        self._before = self._transport.get_protocol()  # redis-py waits for its end when it closes
        self._transport.set_protocol(self)
        self._reader = hiredis.Reader(
            protocolError=redis.exceptions.InvalidResponse,
            replyError=_error_of,
            notEnoughData=_NOTHING,
        )
        self._watch: asyncio.TimerHandle | None = None
        self._has_ended = False
        if connection._reader.at_eof():  # while it was being opened
            self._transport.abort()

    def write(self, data: bytes) -> None:
        self._transport.write(data)
        if self._watch is None:
            self._look()

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not _NOTHING:
                if not isinstance(reply, hiredis.PushNotification):
                    self._wire.received(reply)
        except redis.exceptions.InvalidResponse as error:
            self._end(error)

    def _look(self) -> None:
        """One timer for all commands: it looks again when the oldest one's time is up."""
        self._watch, until = None, self._wire.deadline
        if until is None:
            return
        loop = asyncio.get_running_loop()
        if until > loop.time():
            self._watch = loop.call_at(until, self._look)
        else:
            self._end(redis.exceptions.TimeoutError(f"Redis was silent for {TIMEOUT:g} s."))

    def connection_lost(self, exc: Exception | None) -> None:
        self._before.connection_lost(exc)
        self._end(exc or redis.exceptions.ConnectionError("Redis closed the connection."))

    def _end(self, error: Exception) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        if self._watch is not None:
            self._watch.cancel()
        self._transport.abort()
        self._wire.lost(self._connection, error)


def wire_of(client: "redis.asyncio.Redis") -> RedisWire:
    """The wire of this client; closing the client closes it."""
    if client not in _wires:
        _wires[client] = RedisWire(client.connection_pool)
    return _wires[client]


_wires: "WeakKeyDictionary[redis.asyncio.Redis, RedisWire]" = WeakKeyDictionary()


def _error_of(text: str) -> RedisError:
    if text.startswith("NOSCRIPT"):
        return redis.exceptions.NoScriptError(text)
    return redis.exceptions.ResponseError(text)


def _refuse(reply: "asyncio.Future[Any]", error: Exception) -> None:
    reply.set_exception(error)
    reply.exception()  # whoever does not look any more must not leave a warning
