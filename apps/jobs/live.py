"""What jobs of a playground have said so far, for those who watch them: in Redis, a convenience.

The answer itself is in Postgres when the job has ended.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from redis.asyncio import Redis

from apps.access.models import ServicePurpose
from apps.core.redis import RedisError, ask
from apps.gateway.dispatch import Emit
from apps.gateway.types import Call

KEY = "jobs:said:"
EVERY_SECONDS = 0.15  # between two writes of a job's text
KEPT_SECONDS = 600


class LiveText:
    """Of one run of a job, on its event loop. `emit` never waits: what cannot be written in time is
    part of the next write, and while Redis is away nobody sees it."""

    def __init__(self, redis: Redis, job_id: UUID) -> None:
        self._redis = redis
        self._key = f"{KEY}{job_id}"
        self._loop = asyncio.get_running_loop()
        self._parts: list[str] = []
        self._due = 0.0
        self._writing: asyncio.Handle | asyncio.Task[None] | None = None

    async def emit(self, chunk: Mapping[str, Any]) -> None:
        self._parts.extend(_texts(chunk))
        if self._writing is None and self._parts:
            self._writing = self._loop.call_at(self._due, self._write)

    def _write(self) -> None:
        self._due = self._loop.time() + EVERY_SECONDS
        self._writing = self._loop.create_task(self._put("".join(self._parts), len(self._parts)))

    async def _put(self, text: str, parts: int) -> None:
        with suppress(RedisError, OSError):
            await self._redis.set(self._key, text, ex=KEPT_SECONDS)
        self._writing = None
        if len(self._parts) > parts:
            self._writing = self._loop.call_at(self._due, self._write)


def watched(redis: Redis, call: Call) -> Emit | None:
    """Where a call's answer goes while it comes; None: nobody watches, so it is not streamed."""
    if call.job_id is None or call.caller.purpose != ServicePurpose.PLAYGROUND:
        return None
    return LiveText(redis, call.job_id).emit


def said(job_ids: Sequence[UUID]) -> dict[UUID, str]:
    """What these have said so far, as far as that is known."""
    keys = [f"{KEY}{job_id}" for job_id in job_ids]
    found: Any = ask(lambda redis: redis.mget(keys)) if keys else None
    pairs = zip(job_ids, found or (), strict=False)
    return {job_id: text.decode(errors="replace") for job_id, text in pairs if text is not None}


def _texts(chunk: Mapping[str, Any]) -> list[str]:
    """Of the first choice: what a page shows."""
    deltas = (
        choice.get("delta") or {}
        for choice in chunk.get("choices") or ()
        if not choice.get("index")
    )
    return [text for delta in deltas if isinstance(text := delta.get("content"), str)]
