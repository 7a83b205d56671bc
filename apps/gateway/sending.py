"""The cancellable part of an attempt: the provider's call, nothing before or after it."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from apps.gateway.answers import Answer
from apps.providers.errors import ErrorKind, Outcome, ProviderError

_WORDS = {
    ErrorKind.CANCELLED: "The caller gave up.",
    ErrorKind.OUTRUN: "Another attempt of the same call answered first.",
}


class Sending:
    """One provider's call, that may be aborted at any time: before, while and after it is sent."""

    def __init__(self) -> None:
        self._aborted: ErrorKind | None = None
        self._task: asyncio.Task[Any] | None = None  # while it sends
        self._sent_at: float | None = None

    @property
    def was_sent(self) -> bool:
        return self._sent_at is not None

    @property
    def is_under_way(self) -> bool:
        return self._task is not None

    @property
    def seconds(self) -> float:
        """Since it was sent; 0 before."""
        return _now() - self._sent_at if self._sent_at is not None else 0.0

    def abort(self, why: ErrorKind = ErrorKind.CANCELLED) -> None:
        """`why`: a key of `_WORDS`. The first reason holds."""
        self._aborted = self._aborted or why
        if self._task is not None:
            self._task.cancel()

    async def wait_for(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Run `work`. Raises `ProviderError` of the kind that it was aborted with."""
        if self._aborted is not None:
            work.close()
            raise self._given_up()
        self._task = task = _current_task()
        self._sent_at = _now()
        try:
            return await work
        except asyncio.CancelledError:
            task.uncancel()  # it goes on: what was sent is booked
            raise self._given_up() from None
        finally:
            self._task = None

    def _given_up(self) -> ProviderError:
        kind = self._aborted or ErrorKind.CANCELLED  # else: the process ends
        is_spared = kind is ErrorKind.OUTRUN and not self.was_sent
        return given_up(kind, Outcome.NOT_BILLED if is_spared else None)


def given_up(kind: ErrorKind, outcome: Outcome | None = None) -> ProviderError:
    return ProviderError(kind, _WORDS[kind], outcome=outcome)


def _now() -> float:
    """By the clock of the loop, as its timers."""
    return asyncio.get_running_loop().time()


def _current_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None, "an attempt runs in a task of its own"  # noqa: S101
    return task
