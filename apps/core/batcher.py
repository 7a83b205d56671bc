"""Group commit: many callers, one transaction.

Items that arrive within a few milliseconds are flushed together by a plain synchronous function
(ordinary ORM code) in a thread of its own, and each caller's future gets its own result. This is
what makes a durable commit for every call cheap: one lock and one fsync for many calls.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from django.db import InterfaceError, OperationalError, close_old_connections, connections

from apps.core.clock import steady

Item = TypeVar("Item")
Result = TypeVar("Result")

# One result for each item, in order; an exception in place of a result is raised to its caller.
Flush = Callable[[Sequence[Item]], Sequence[Result | BaseException]]
# Seconds for which a connection that has just worked is used without asking whether it still does:
# the question would be one more round trip for each flush.
TRUSTED = 0.1


class Batcher(Generic[Item, Result]):
    """Collect items on one event loop and flush them in order on one thread.

    `flush` must be all or nothing for the whole batch (one transaction). When it raises, a batch of
    several items is tried again one by one, so that one bad item cannot fail its neighbours.
    While a flush runs, the next batch gathers: under load no waiting time is added at all. Nor does
    a lone caller wait for company: only after a batch of several does the next one wait for more.
    """

    def __init__(
        self,
        *,
        name: str,
        flush: Flush[Item, Result],
        max_wait: float = 0.002,
        max_items: int = 200,
        clock: Callable[[], float] = steady,
    ) -> None:
        self._flush = flush
        self._clock = clock
        self._flushed_at = -TRUSTED
        self._max_wait = max_wait
        self._max_items = max_items
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._crowded = False  # whether the latest batch had several items
        self._runner: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"batch-{name}")

    async def submit(self, item: Item) -> Result:
        """Flush `item` with its neighbours; returns or raises what `flush` gave for it.

        A cancelled caller does not take back its item: what was submitted will be committed.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        await asyncio.sleep(self._max_wait if self._crowded else 0)
        while self._waiting:
            batch = self._waiting[: self._max_items]
            self._crowded = len(batch) > 1
            del self._waiting[: self._max_items]
            items = [item for item, _ in batch]
            results = await asyncio.get_running_loop().run_in_executor(
                self._thread, self._flush_in_thread, items
            )
            for (_, future), result in zip(batch, results, strict=True):
                _resolve(future, result)

    def _flush_in_thread(self, items: Sequence[Item]) -> Sequence[Result | BaseException]:
        close_old_connections()
        if self._clock() - self._flushed_at < TRUSTED:
            for connection in connections.all(initialized_only=True):
                connection.health_check_done = True  # type: ignore[attr-defined]
        try:
            return _flush_all(self._flush, items)
        finally:
            self._flushed_at = self._clock()

    async def close(self) -> None:
        """Wait until everything that was submitted is flushed, then end the thread."""
        while self._runner is not None and not self._runner.done():
            await self._runner
        await asyncio.get_running_loop().run_in_executor(self._thread, connections.close_all)
        self._thread.shutdown(wait=True)


def _flush_all(
    flush: Flush[Item, Result], items: Sequence[Item]
) -> Sequence[Result | BaseException]:
    try:
        return flush(items)
    except (OperationalError, InterfaceError) as error:
        return [error] * len(items)  # the database is away: one by one would be no better
    except Exception as error:  # noqa: BLE001 - handed to the callers, each of whom raises it
        if len(items) == 1:
            return [error]
    close_old_connections()
    return [_flush_all(flush, [item])[0] for item in items]


def _resolve(future: asyncio.Future[Result], result: Result | BaseException) -> None:
    if future.done():  # its event loop is closing
        return
    if isinstance(result, BaseException):
        future.set_exception(result)
        future.exception()  # a caller that went away must not leave a "never retrieved" warning
    else:
        future.set_result(result)
